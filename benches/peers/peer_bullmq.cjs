// BullMQ: bulk enqueue, workers of concurrency 50.
const { Queue, Worker } = require("bullmq");
const { default: Redis } = require("ioredis");
const { setTimeout: sleep } = require("node:timers/promises");

const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const now = () => performance.timeOrigin + performance.now();
const argument = (sent = null) => ({ sent, pad: process.env.PAD });

async function enqueue(count) {
  const queue = new Queue("peers", { connection });
  await queue.waitUntilReady();
  const begin = performance.now();
  for (let left = count; left > 0; left -= 500) {
    await queue.addBulk(Array.from({ length: Math.min(500, left) }, () => ({ name: "noop", data: argument() })));
  }
  const seconds = (performance.now() - begin) / 1e3;
  console.log(JSON.stringify({ version: require("bullmq/package.json").version, enqueue_per_s: count / seconds }));
}

async function trickle(count) {
  const queue = new Queue("peers", { connection });
  for (let i = 0; i < count; i++) {
    await queue.add("noop", argument(now()));
    await sleep(5);
  }
}

function work() {
  const noop = async ({ data }) => {
    if (data.sent) await connection.rpush("pickups", now() - data.sent);
    return { ok: true };
  };
  new Worker("peers", noop, { connection, concurrency: 50 });
}

const [verb, count] = process.argv.slice(2);
if (verb === "work") work();
else ({ enqueue, trickle })[verb](Number(count)).then(() => process.exit());
