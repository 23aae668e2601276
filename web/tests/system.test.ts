/** The system and the reference of its API. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile({ COLLECTOR_REQUESTS__DEADLINE: "7m" });

test("the system says how it does and how it is configured", async () => {
  const visit = await scene.open("/ui/system");
  const { page } = visit;
  await page.getByText("Everything works").waitFor();
  await page.getByText("private, started by this collector").waitFor();
  const config = page.getByRole("region", { name: "Configuration" });
  await page.getByLabel("Keys that contain").fill("deadline");
  await config.getByText('"7m"').waitFor();
  assert.equal(await config.getByText("max_connections").count(), 0);
  await page.getByRole("button", { name: "Copy configuration" }).click();
  const copied = await page.evaluate("navigator.clipboard.readText()");
  assert.equal(JSON.parse(copied as string).requests.deadline, "7m");
  await page.getByRole("link", { name: "API reference", exact: true }).last().click();
  await page.waitForURL("**/ui/reference");
  await visit.close();
});

test("every operation can be unfolded, and leads to its schemas", async () => {
  const visit = await scene.open("/ui/reference?op=bulk");
  const { page } = visit;
  const bulk = page.locator("details.operation[open]", { hasText: "/execution/bulk" });
  await bulk.getByText("Run again what failed with this code.").waitFor();
  await bulk.getByRole("button", { name: "Bulk", exact: true }).first().click();
  await page.locator("#schema-Bulk[open]").getByText("job_ids").first().waitFor();
  await page.getByLabel("Operations that contain").fill("crawl/node");
  await page.getByText("/crawl/node", { exact: true }).waitFor();
  assert.equal(await page.getByText("/execution/run", { exact: true }).count(), 0);
  await page.getByText("/crawl/node", { exact: true }).click();
  await page.locator("details.operation[open]").getByText("Parameters").waitFor();
  await page.waitForURL("**op=crawlNode**");
  await visit.close();
});

test("the system and the reference are there for everybody", async () => {
  await scene.isForEverybody([
    ["/ui/system", ".config dl"],
    ["/ui/reference?op=crawlExport", "details.operation[open] .plain"],
  ]);
});

test("nothing that a configuration says runs", async () => {
  await scene.isDeaf(["/system/get"], [["/ui/system", ".config dl"]]);
});
