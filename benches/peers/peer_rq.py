"""RQ: bulk enqueue, workers that do not fork for each job (its fastest)."""

import json
import os
import sys
import time
from importlib.metadata import version

import redis
import rq

QUEUE = rq.Queue("peers", connection=redis.Redis.from_url(os.environ["REDIS_URL"]))
# By name: run as a script, this module is called __main__, and the worker's is not.
NOOP = "peer_rq.noop"


def argument(sent=None):
    return {"sent": sent, "pad": os.environ["PAD"]}


def noop(data):
    if data["sent"]:
        QUEUE.connection.rpush("pickups", time.time() * 1e3 - data["sent"])
    return {"ok": True}


def enqueue(count):
    begin = time.perf_counter()
    for left in range(count, 0, -500):
        QUEUE.enqueue_many([rq.Queue.prepare_data(NOOP, (argument(),)) for _ in range(min(500, left))])
    print(json.dumps({"version": version("rq"), "enqueue_per_s": count / (time.perf_counter() - begin)}))


def trickle(count):
    for _ in range(count):
        QUEUE.enqueue(NOOP, argument(time.time() * 1e3))
        time.sleep(0.005)


def work():
    rq.SimpleWorker([QUEUE]).work(logging_level="WARNING")


if __name__ == "__main__":
    verb, *count = sys.argv[1:]
    {"enqueue": enqueue, "trickle": trickle, "work": work}[verb](*map(int, count))
