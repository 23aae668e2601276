/** How everything is doing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { wait } from "./support/collector.ts";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();

test("what is wrong is said in words", async () => {
  const { collector } = scene;
  const id = await collector.run({ platform_id: "noop", settings: { fail_with: "abort" } });
  await collector.until(id, "dead");
  const visit = await scene.open("/ui/");
  await visit.page
    .getByRole("list", { name: "What is wrong now" })
    .getByText(/died in the last ten minutes/)
    .waitFor();
  await visit.close();
});

test("figures, charts and pools are those of the collector", async () => {
  const { collector } = scene;
  const id = await collector.run({ platform_id: "noop", settings: { sleep_ms: 600_000 } });
  await collector.until(id, "running");
  const visit = await scene.open("/ui/");
  const { page } = visit;
  const running = page.locator(".figures > div", { hasText: "Running" }).locator("dd").first();
  await wait(async () => (await running.textContent()) === "1", "one runs");
  await page.getByRole("heading", { name: "Waiting and running" }).waitFor();
  await wait(async () => (await page.locator("canvas").count()) === 6, "six charts");
  await page.getByRole("button", { name: "24 h" }).click();
  await page.waitForURL("**span=24h");
  await page.getByRole("combobox", { name: "Pool" }).selectOption("light");
  await page.waitForURL("**pool=light");
  await page.getByRole("table", { name: "Pools" }).getByText("1 of 1 alive").first().waitFor();
  await page.getByRole("link", { name: /^Running/ }).click();
  await page.waitForURL("**/ui/jobs?status=running");
  await wait(async () => (await page.locator("tbody tr").count()) === 1, "the running job");
  assert.equal(await page.locator("tbody tr").getAttribute("data-id"), id);
  await visit.close();
});

test("a read that fails is told, above what is known, and never below another question", async () => {
  const visit = await scene.open("/ui/");
  const { page } = visit;
  await wait(async () => (await page.locator("canvas").count()) === 6, "six charts");
  await page.route("**/queue/history?span=7d**", (route) => route.fulfill({ status: 500, body: "{}" }));
  await page.getByRole("button", { name: "7 days" }).click();
  const charts = page.getByRole("region", { name: "Over time" });
  await charts.getByRole("alert").waitFor();
  assert.equal(await page.locator("canvas").count(), 0, "what was asked before is no answer");
  await page.getByRole("button", { name: "15 min" }).click();
  await wait(async () => (await page.locator("canvas").count()) === 6, "six charts");
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.route("**/queue/stats", (route) => route.fulfill({ status: 401, body: "<h1>Who are you?</h1>" }));
  await page.getByRole("alert").getByText("Answered 401").waitFor();
  await page.locator(".figures").waitFor();
  await visit.close();
});
