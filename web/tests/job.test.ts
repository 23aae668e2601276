/** One job: what it did, what became of it, what can be done. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { Visit } from "./support/browser.ts";
import { wait } from "./support/collector.ts";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();

test("a run is followed live until its end", async () => {
  const { collector } = scene;
  const id = await collector.run({
    _id: "watched",
    platform_id: "noop",
    settings: { sleep_ms: 3000, steps: 30, log_lines: 12, rows: 120, secret: "hunter22" },
  });
  const visit = await scene.open(`/ui/jobs/${id}`);
  const { page } = visit;
  await page.getByRole("heading", { name: "watched" }).waitFor();
  await page.getByText(/step \d+ of 30/).waitFor();
  await page.getByRole("log").getByText("line 12 of 12").waitFor();
  await page.getByText("Succeeded").first().waitFor();
  await page.getByRole("heading", { name: "Result" }).waitFor();
  await page.getByText("secret_length").waitFor();
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  await page.getByText("••••").last().waitFor();
  assert.ok(!(await page.content()).includes("hunter22"));
  await page.getByRole("button", { name: "Processed data" }).click();
  await page.getByText("Rows 1 to 50 of 120").waitFor();
  await page.getByRole("button", { name: "Next rows" }).click();
  await page.getByText("Rows 51 to 100 of 120").waitFor();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).click();
  const file = await (await download).path();
  assert.deepEqual((await readFile(file, "utf8")).split("\r\n").slice(0, 3), ["n", "1", "2"]);
  await page.getByRole("button", { name: "Raw hash" }).click();
  await page.getByText(`:job:${id}'`).waitFor();
  await visit.close();
});

test("log lines come as they are logged, and can be searched", async () => {
  const { collector } = scene;
  const id = await collector.run({ platform_id: "noop", settings: { log_lines: 700 } });
  await collector.until(id, "succeeded");
  const visit = await scene.open(`/ui/jobs/${id}`);
  const { page } = visit;
  const log = page.getByRole("log");
  await log.getByText("line 700 of 700").waitFor();
  assert.equal(await log.getByText("line 1 of 700").count(), 0);
  await page.getByRole("button", { name: "Older lines" }).click();
  await log.getByText("line 1 of 700").waitFor();
  await page.getByRole("searchbox", { name: "Lines that contain" }).fill("line 69");
  assert.equal(await log.locator(".log-line").count(), 11);
  await visit.close();
});

/** A job that logs ten lines each time its log is read, and says so all the time; ended by what is returned. */
async function logsForEver(visit: Visit, delayMs: number): Promise<() => Promise<unknown>> {
  const { page } = visit;
  const id = await scene.collector.run({ platform_id: "noop", settings: { sleep_ms: 60_000 } });
  const job = await scene.collector.until(id, "running");
  const told = `event: snapshot\ndata: ${JSON.stringify(job)}\n\nevent: log\ndata: {}\n\n`;
  await page.route("**/execution/events**", (route) => route.fulfill({ contentType: "text/event-stream", body: told }));
  let total = 1000;
  await page.route("**/execution/log**", async (route) => {
    total += 10;
    const first = total - 299;
    const lines = Array.from({ length: 300 }, (_, place) => ({ at: job.created_at, line: `line ${first + place}` }));
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await route.fulfill({ json: { lines, first, total, kept: total, truncated: false } });
  });
  await page.goto(`/ui/jobs/${id}`);
  return async () => {
    await scene.collector.post(`/execution/cancel?job_id=${id}`);
    // Who dies next would take it along.
    await scene.collector.until(id, "cancelled");
  };
}

test("a slow link shows a log that grows all the time", async () => {
  const visit = await scene.open("/ui/nowhere");
  const end = await logsForEver(visit, 1500);
  const log = visit.page.getByRole("log");
  await log.getByText("line 1010", { exact: true }).waitFor();
  await log.getByText("line 1030", { exact: true }).waitFor();
  await end();
  await visit.close();
});

test("a line that is looked at stays, however much is logged", async () => {
  const visit = await scene.open("/ui/nowhere");
  const end = await logsForEver(visit, 0);
  const { page } = visit;
  const log = page.getByRole("log");
  const fromEnd = () => log.evaluate((frame) => frame.scrollHeight - frame.scrollTop - frame.clientHeight);
  await log.getByText("line 1020", { exact: true }).waitFor();
  await wait(async () => (await fromEnd()) < 1, "the end is followed");
  await log.evaluate((frame) => (frame.scrollTop = 1000));
  const more = page.getByRole("button", { name: /newer lines$/ });
  const seen = () => log.evaluate((frame) => [frame.scrollTop, frame.textContent]);
  await more.waitFor();
  const [before, many] = [await seen(), await more.textContent()];
  await wait(async () => (await more.textContent()) !== many, "more is logged");
  assert.deepEqual(await seen(), before);
  await more.click();
  await wait(async () => (await fromEnd()) < 1, "the end is followed again");
  assert.equal(await more.count(), 0);
  await page.route("**/execution/log?**before=**", (route) => route.abort());
  await page.getByRole("button", { name: "Older lines" }).click();
  await page.getByText("Older lines could not be read").waitFor();
  await end();
  await visit.close();
});

test("a tab that nobody sees follows nothing, and its title is true", async () => {
  const { collector } = scene;
  const id = await collector.run({ platform_id: "noop", settings: { sleep_ms: 120_000, steps: 1000 } });
  await collector.until(id, "running");
  const visit = await scene.open("/ui/nowhere");
  const { page } = visit;
  await page.addInitScript(`
    let seen = "visible";
    Object.defineProperty(document, "visibilityState", { get: () => seen });
    globalThis.turn = (how) => { seen = how; document.dispatchEvent(new Event("visibilitychange")); };
  `);
  const streams = new Set<unknown>();
  page.on("request", (request) => request.url().includes("/execution/events") && streams.add(request));
  for (const end of ["requestfinished", "requestfailed"] as const)
    page.on(end as "requestfailed", (request) => streams.delete(request));
  await page.goto(`/ui/jobs/${id}`);
  await page.getByText("followed live").waitFor();
  assert.equal(streams.size, 1);
  await page.evaluate("turn('hidden')");
  await wait(() => streams.size === 0, "the stream is left");
  await collector.post(`/execution/cancel?job_id=${id}`);
  await wait(async () => (await page.title()).startsWith("Cancelled"), "the title says how it ended");
  assert.equal(streams.size, 0);
  await page.evaluate("turn('visible')");
  await page.getByText("Cancelled", { exact: true }).first().waitFor();
  await visit.close();
});

test("what came of a job is shown although it could not be read when it ended", async () => {
  const { collector } = scene;
  const id = await collector.run({ platform_id: "noop", settings: { sleep_ms: 3000 } });
  const visit = await scene.open("/ui/nowhere");
  const { page } = visit;
  await page.route("**/execution/get**", (route) => route.fulfill({ status: 500, body: "{}" }));
  await page.goto(`/ui/jobs/${id}`);
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
  const alert = page.getByRole("alert");
  await alert.getByText("Answered 500").waitFor();
  await page.unroute("**/execution/get**");
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Result" }).waitFor();
  await alert.waitFor({ state: "detached" });
  await visit.close();
});

test("a job that kills its process shows how, and runs again", async () => {
  const { collector } = scene;
  const id = await collector.run({
    platform_id: "noop",
    settings: { fail_with: "exit", exit_code: 7, print: "the last words" },
  });
  const visit = await scene.open(`/ui/jobs/${id}`);
  const { page } = visit;
  await collector.until(id, "dead");
  await page.getByText("Dead", { exact: true }).first().waitFor();
  await page.getByText("exit code 7", { exact: true }).waitFor();
  await page.getByText("the last words").waitFor();
  assert.ok((await page.getByText("its process died").count()) >= 3, "every run stands in the timeline");
  await page.getByRole("button", { name: "Run again", exact: true }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(id));
  await page.getByText("Runs again", { exact: true }).waitFor();
  await visit.close();
});

test("a job that waits says why, and is cancelled after a question", async () => {
  const { collector } = scene;
  const id = await collector.run({ platform_id: "noop", options: { delay_s: 3600 } });
  const visit = await scene.open(`/ui/jobs/${id}`);
  const { page } = visit;
  const why = page.getByRole("region", { name: "Why it is not running yet" });
  await why.getByText(/Due in/).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the job" }).click();
  await page.getByText("Cancelled", { exact: true }).first().waitFor();
  assert.equal((await collector.job(id)).status, "cancelled");
  await visit.close();
});

test("a job that there is not is said to be missing", async () => {
  const visit = await scene.open("/ui/jobs/0193f5a0-1c2d-7e4f-8a00-0123456789ab");
  await visit.page.getByText("There is no such job").waitFor();
  await visit.close();
});
