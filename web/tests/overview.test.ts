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
