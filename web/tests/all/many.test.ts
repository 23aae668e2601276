/** With a thousand times as many jobs every interaction takes about as long. */
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, Visit } from "../support/browser.ts";
import { Collector } from "../support/collector.ts";

const FEW = 200;
const MANY = Number(process.env.JOBS ?? 200_000);
/** As often everything is done; the median counts. */
const TURNS = 7;
/** Times that are shorter are all the same to a person, and vary by more than the factor. */
const LEAST_MS = 60;
const FACTOR = 5;

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test(`${MANY} jobs are handled like ${FEW}`, { timeout: 1_200_000 }, async () => {
  const few = await timesWith(FEW);
  const many = await timesWith(MANY);
  for (const [what, ms] of Object.entries(many)) {
    const before = few[what] ?? 0;
    console.log(`${what}: ${before.toFixed(0)} ms with ${FEW} jobs, ${ms.toFixed(0)} ms with ${MANY}`);
    assert.ok(ms < FACTOR * Math.max(before, LEAST_MS), `${what}: ${ms} ms against ${before} ms`);
  }
});

async function timesWith(jobs: number): Promise<Record<string, number>> {
  const collector = await Collector.start();
  try {
    await post(collector.url, jobs);
    const visit = await Visit.open(browser, collector.url, "/ui/jobs");
    const { page } = visit;
    const row = page.locator("tbody tr").first();
    const settled = page.locator(".table-frame:not([data-stale])");
    const acts: Record<string, () => Promise<unknown>> = {
      "open the list": () => page.goto("/ui/jobs").then(() => row.waitFor()),
      "filter by status": async () => {
        await page.getByRole("button", { name: /^Scheduled/ }).click();
        await page.waitForURL("**status=scheduled");
        await settled.waitFor();
      },
      "next page": async () => {
        await page.getByRole("button", { name: "Next page" }).click();
        await page.waitForURL("**cursor=**");
        await settled.waitFor();
      },
      "filter by label": async () => {
        await page.goto("/ui/jobs?label=odd&status=scheduled");
        await row.waitFor();
      },
      search: async () => {
        await page.getByRole("combobox", { name: "Find jobs" }).fill(`job-${jobs - 1}`);
        await page.getByRole("option", { name: `own id job-${jobs - 1}` }).waitFor();
      },
      "count all that match": async () => {
        await page.goto("/ui/jobs?platform=noop");
        await row.getByRole("checkbox").check();
        await page.getByRole("button", { name: /^Select all/ }).click();
        await page.getByRole("button", { name: "Cancel", exact: true }).click();
        await page.getByRole("dialog").waitFor();
        await page.keyboard.press("Escape");
      },
      "open a job": async () => {
        await page.goto("/ui/jobs");
        await row.waitFor();
        await row.getByRole("link").first().click();
        await page.getByText("Why it is not running yet").or(page.getByText("Facts")).first().waitFor();
      },
      overview: async () => {
        await page.goto("/ui/");
        await page.locator("canvas").first().waitFor();
      },
    };
    const times: Record<string, number[]> = {};
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const [what, act] of Object.entries(acts)) {
        const start = performance.now();
        await act();
        (times[what] ??= []).push(performance.now() - start);
      }
    }
    await visit.close();
    return Object.fromEntries(Object.entries(times).map(([what, all]) => [what, median(all)]));
  } finally {
    await collector.stop();
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Posts jobs that wait for their day, over a few connections. */
async function post(url: string, jobs: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  let next = 0;
  const line = async () => {
    while (next < jobs) {
      const n = next++;
      const labels = [n % 2 === 0 ? "even" : "odd", `batch:${n % 50}`];
      await one(
        agent,
        url,
        JSON.stringify({ _id: `job-${n}`, platform_id: "noop", options: { delay_s: 86_400, labels } }),
      );
    }
  };
  await Promise.all(Array.from({ length: 64 }, line));
  agent.destroy();
}

function one(agent: Agent, url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const asked = request(`${url}/execution/run`, { method: "POST", agent, headers }, (answer) => {
      answer.resume();
      answer.on("end", () =>
        answer.statusCode === 202 ? resolve() : reject(new Error(`answered ${answer.statusCode}`)),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
