"""Takes the figures of one rival, the same way for all of them: `measure.py PEER`.

A rival is a file with three verbs: `enqueue N` (prints version and rate), `work` (one worker) and
`trickle COUNT` (that many jobs, 5 ms apart, stamped with the time). The handlers push the delay of
a stamped job to the list `pickups`.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

HERE = Path(__file__).parent
WORK = Path(os.environ["PEERS_WORK"])
PICKUPS = 200
# Nothing may take longer than this, in seconds: a rival that hangs is a failure, not a figure.
PATIENCE = 600


@dataclass
class Peer:
    """How to start a rival, and what says how many of its jobs are finished."""

    command: list[str]
    finished: list[str]
    # The slow ones get a smaller backlog, for the rate does not depend on it.
    most_jobs: int = sys.maxsize
    # How often `work` is started: Celery brings its two processes itself.
    workers: int = 2


def python(peer):
    """Its file, run in its own environment."""
    return [str(WORK / peer / "bin" / "python"), f"peer_{peer}.py"]


PEERS = {
    "bullmq": Peer(["node", "peer_bullmq.cjs"], ["ZCARD", "bull:peers:completed"]),
    "rq": Peer(python("rq"), ["ZCARD", "rq:finished:peers"], most_jobs=5_000),
    "celery": Peer(python("celery"), ["GET", "done"], most_jobs=10_000, workers=1),
    "arq": Peer(python("arq"), ["GET", "done"], most_jobs=5_000),
    "sidekiq": Peer(["ruby", "peer_sidekiq.rb"], ["GET", "done"]),
}


def environment():
    """One padding for all, so that every rival's argument is 200 bytes of JSON."""
    pad = "x" * (200 - len('{"sent":null,"pad":""}'))
    return {**os.environ, "PAD": pad, "NODE_PATH": str(WORK / "node_modules")}


def ask(peer, *verb):
    """Runs a verb that ends by itself and returns what it printed."""
    answer = subprocess.run(
        [*peer.command, *verb], cwd=HERE, env=environment(), stdout=subprocess.PIPE, check=True, timeout=PATIENCE
    )
    return answer.stdout


@contextmanager
def working(name, peer):
    """The rival's workers, for as long as the block lasts."""
    with (WORK / f"{name}.log").open("w") as log:
        workers = [
            subprocess.Popen([*peer.command, "work"], cwd=HERE, env=environment(), stdout=log, stderr=log)
            for _ in range(peer.workers)
        ]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                try:
                    worker.wait(15)
                except subprocess.TimeoutExpired:
                    worker.kill()


def wait_until(count, least, workers):
    """Waits until `count()` is at least `least`; returns what it was, and when."""
    deadline = time.monotonic() + PATIENCE
    while (seen := count()) < least:
        if time.monotonic() > deadline or any(worker.poll() is not None for worker in workers):
            sys.exit(f"only {seen} of {least} jobs were done: see the logs in {WORK}")
        time.sleep(0.01)
    return seen, time.monotonic()


def measure(name, jobs):
    peer = PEERS[name]
    jobs = min(jobs, peer.most_jobs)
    client = redis.Redis.from_url(os.environ["REDIS_URL"])

    def finished():
        return int(client.execute_command(*peer.finished) or 0)

    line = {"peer": name, "n": jobs, **json.loads(ask(peer, "enqueue", str(jobs)))}
    with working(name, peer) as workers:
        # From the first finished job to the last: the rivals' start-up is not counted.
        first, begin = wait_until(finished, 1, workers)
        last, end = wait_until(finished, jobs, workers)
        line["drain_per_s"] = (last - first) / (end - begin)

        time.sleep(0.5)
        ask(peer, "trickle", str(PICKUPS))
        wait_until(lambda: client.llen("pickups"), PICKUPS, workers)
        delays = sorted(float(delay) for delay in client.lrange("pickups", 0, -1))

    order = ["peer", "version", "n", "enqueue_per_s", "drain_per_s"]
    line = {key: round(line[key]) if key.endswith("per_s") else line[key] for key in order}
    line["pickup_p50_ms"] = round(delays[len(delays) // 2], 3)
    line["pickup_p99_ms"] = round(delays[int(len(delays) * 0.99)], 3)
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PEERS:
        sys.exit(f"usage: measure.py {'|'.join(PEERS)}")
    measure(sys.argv[1], int(os.environ["N"]))
