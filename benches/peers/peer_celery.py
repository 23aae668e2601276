"""Celery on Redis as broker and result store: two prefork processes, late acknowledgement."""

import json
import os
import sys
import time

import celery

app = celery.Celery("peers", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=50, worker_hijack_root_logger=False)


def argument(sent=None):
    return {"sent": sent, "pad": os.environ["PAD"]}


@app.task(name="noop")
def noop(data):
    if data["sent"]:
        app.backend.client.rpush("pickups", time.time() * 1e3 - data["sent"])
    app.backend.client.incr("done")
    return {"ok": True}


def enqueue(count):
    begin = time.perf_counter()
    for _ in range(count):
        noop.delay(argument())
    print(json.dumps({"version": celery.__version__, "enqueue_per_s": count / (time.perf_counter() - begin)}))


def trickle(count):
    for _ in range(count):
        noop.delay(argument(time.time() * 1e3))
        time.sleep(0.005)


def work():
    quiet = ["--loglevel", "CRITICAL", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    app.worker_main(["worker", "--concurrency", "2", *quiet])


if __name__ == "__main__":
    verb, *count = sys.argv[1:]
    {"enqueue": enqueue, "trickle": trickle, "work": work}[verb](*map(int, count))
