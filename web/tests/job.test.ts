/** One job: what it did, what became of it, what can be done. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
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
