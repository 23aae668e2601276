"""arq: workers of 50 jobs at once that look for work every 10 ms (its default is 500 ms)."""

import asyncio
import json
import os
import sys
import time
from importlib.metadata import version

from arq import create_pool, run_worker
from arq.connections import RedisSettings

REDIS = RedisSettings.from_dsn(os.environ["REDIS_URL"])


def argument(sent=None):
    return {"sent": sent, "pad": os.environ["PAD"]}


async def noop(ctx, data):
    if data["sent"]:
        await ctx["redis"].rpush("pickups", time.time() * 1e3 - data["sent"])
    await ctx["redis"].incr("done")
    return {"ok": True}


class Worker:
    functions = [noop]
    redis_settings = REDIS
    max_jobs = 50
    poll_delay = 0.01


async def enqueue(count):
    pool = await create_pool(REDIS)
    begin = time.perf_counter()
    # It has no bulk call; a hundred at once is what keeps its connections busy.
    for left in range(count, 0, -100):
        await asyncio.gather(*(pool.enqueue_job("noop", argument()) for _ in range(min(100, left))))
    print(json.dumps({"version": version("arq"), "enqueue_per_s": count / (time.perf_counter() - begin)}))


async def trickle(count):
    pool = await create_pool(REDIS)
    for _ in range(count):
        await pool.enqueue_job("noop", argument(time.time() * 1e3))
        await asyncio.sleep(0.005)


if __name__ == "__main__":
    verb, *count = sys.argv[1:]
    if verb == "work":
        run_worker(Worker)
    else:
        asyncio.run({"enqueue": enqueue, "trickle": trickle}[verb](*map(int, count)))
