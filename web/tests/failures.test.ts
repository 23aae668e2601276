/** What fails: groups, running them again after a count, quarantine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOSTILE } from "./support/browser.ts";
import { wait } from "./support/collector.ts";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();

test("what fails is grouped, leads to its jobs, and runs again once it is counted", async () => {
  const { collector } = scene;
  const empty = await scene.open("/ui/failures");
  await empty.page.getByText("Nothing has failed").waitFor();
  const ids = await Promise.all(
    ["fatal", "fatal", "fatal", "settings"].map((fail_with) =>
      collector.run({ platform_id: "noop", settings: { fail_with } }),
    ),
  );
  for (const id of ids) await collector.until(id, "failed");
  const { page } = empty;
  const group = page.locator("tr", { hasText: "asked_to_fail" });
  await group.getByText("3", { exact: true }).waitFor();
  await page.locator("tr", { hasText: "bad_settings" }).waitFor();
  await group.getByRole("link", { name: "asked_to_fail" }).click();
  await page.waitForURL("**/ui/jobs?**");
  await page.getByText("3 of 3").waitFor();
  await page.goBack();
  await group.getByRole("button", { name: /^Run again/ }).click();
  const dialog = page.getByRole("dialog", { name: "Run again 3 jobs?" });
  await dialog.getByRole("button", { name: "Run again 3 jobs" }).click();
  await page.getByRole("link", { name: "Watch how far it is" }).waitFor();
  await wait(async () => (await collector.job(ids[0] ?? "")).retried_by !== undefined, "it runs again");
  await group.getByText("6", { exact: true }).waitFor();
  await empty.close();
});

test("quarantine stands apart, with how the newest one died", async () => {
  const { collector } = scene;
  const dead = await collector.run({
    platform_id: "noop",
    settings: { print: HOSTILE[0], fail_with: "exit", exit_code: 5 },
  });
  await collector.until(dead, "dead");
  const visit = await scene.open("/ui/failures");
  const { page } = visit;
  const quarantine = page.getByRole("region", { name: "Quarantine" });
  await quarantine.getByText("exit code 5").waitFor();
  await quarantine.getByText("<img src=x").waitFor();
  await quarantine.getByRole("link", { name: "All about this job" }).click();
  await page.waitForURL(`**/jobs/${dead}`);
  await visit.close();
  await scene.isForEverybody([["/ui/failures", ".quarantine .facts"]]);
});

test("nothing that a failure says runs", async () => {
  await scene.isDeaf(["/failures/get", "/execution/get"], [["/ui/failures", ".quarantine .facts"]]);
});

test("a row stays under the mouse", async () => {
  const { collector } = scene;
  const fail = async (fail_with: string) =>
    collector.until(await collector.run({ platform_id: "noop", settings: { fail_with } }), "failed");
  await fail("settings");
  const visit = await scene.open("/ui/failures");
  const { page } = visit;
  const rows = page.getByRole("table", { name: "Failures" }).locator("tbody tr");
  await rows.nth(1).waitFor();
  const order = () => rows.evaluateAll((all) => all.map((row) => row.getAttribute("data-id")));
  const before = await order();
  const last = rows.nth(before.length - 1);
  const jobs = async () => Number(await last.locator(".use").textContent());
  const [few, many] = [await jobs(), Number(await rows.first().locator(".use").textContent())];
  await last.getByRole("button", { name: /^Run again/ }).hover();
  const kind = (await last.getAttribute("data-id"))?.includes("bad_settings") ? "settings" : "fatal";
  for (let n = few; n <= many; n += 1) await fail(kind);
  await wait(async () => (await jobs()) > many, "it is now the largest");
  assert.deepEqual(await order(), before);
  await page.mouse.move(0, 0);
  await wait(async () => (await order())[0] === before.at(-1), "it comes first");
  await visit.close();
});

test("a bulk job that was begun shows what it did", async () => {
  const { collector } = scene;
  const id = await collector.run({
    platform_id: "noop",
    settings: { fail_with: "fatal" },
    options: { labels: ["gone"] },
  });
  await collector.until(id, "failed");
  const visit = await scene.open("/ui/failures");
  const { page } = visit;
  await page
    .locator("tr", { hasText: "asked_to_fail" })
    .getByRole("button", { name: /^Delete/ })
    .click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /^Delete \d+ jobs?$/ })
    .click();
  await page.getByRole("link", { name: "Watch how far it is" }).click();
  await page.waitForURL("**/ui/jobs/**");
  await page.locator(".badge", { hasText: "Succeeded" }).first().waitFor();
  const answer = await fetch(`${collector.url}/execution/get?job_id=${id}`);
  assert.equal(answer.status, 404);
  await visit.close();
});
