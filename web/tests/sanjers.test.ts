/** The sanjers' page: who runs what, what they can be told, how they died. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { components } from "../src/api/schema.gen.ts";
import { HOSTILE } from "./support/browser.ts";
import { wait } from "./support/collector.ts";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();
const read = () => scene.collector.get<components["schemas"]["Sanjers"]>("/sanjers/get");

test("a sanjer leads to what it runs, and is made quiet, resumed and recycled", async () => {
  const job = await scene.collector.run({
    platform_id: "noop",
    settings: { sleep_ms: 120_000, steps: 1000 },
    options: { labels: ["long"] },
  });
  await scene.collector.until(job, "running");
  const visit = await scene.open("/ui/sanjers?pool=light");
  const { page } = visit;
  const row = page.locator("tr", { has: page.locator(`a[href$="/jobs/${job}"]`) });
  await row.getByText("Serving").waitFor();
  await row.getByText(/MiB/).waitFor();
  await row.getByText(/cores?$/).waitFor();
  await row.getByRole("button", { name: /^Quiet/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Keep as it is" }).click();
  assert.ok(
    (await read()).sanjers.every(({ state }) => state !== "quiet"),
    "nothing is done without a yes",
  );
  await row.getByRole("button", { name: /^Quiet/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Quiet", exact: true }).click();
  await row.locator(".badge", { hasText: "Quiet" }).waitFor();
  await row.getByRole("button", { name: /^Resume/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume", exact: true }).click();
  await row.locator(".badge", { hasText: "Serving" }).waitFor();
  await row.getByRole("button", { name: /^Recycle/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Recycle", exact: true }).click();
  await row.locator(".badge", { hasText: "Retiring" }).waitFor();
  assert.equal(await row.getByRole("button").count(), 0, "whoever retires is told nothing more");
  await row.getByRole("link").first().click();
  await page.waitForURL(`**/jobs/${job}`);
  await scene.collector.post(`/execution/cancel?job_id=${job}`);
  await visit.close();
});

test("a death has a certificate that can be read, whatever the dying wrote", async () => {
  const settings = { print: HOSTILE.join(" ").slice(0, 1000), fail_with: "exit", exit_code: 3 };
  const job = await scene.collector.run({ platform_id: "noop", settings });
  await scene.collector.until(job, "dead");
  const visit = await scene.open("/ui/sanjers");
  const death = visit.page.locator(".death", { hasText: "exit code 3" }).first();
  await death.locator("summary").click();
  await death.getByText("The last it wrote on standard error").waitFor();
  await death.getByText("<img src=x").waitFor();
  await death.locator(`a[href$="/jobs/${job}"]`).waitFor();
  await visit.close();
  await scene.isForEverybody([["/ui/sanjers", ".death"]]);
});

test("nothing that a sanjer says runs", async () => {
  await wait(async () => (await read()).deaths.length > 0, "somebody has died");
  await scene.isDeaf(["/sanjers/get", "/system/get"], [["/ui/sanjers", ".death"]]);
});
