/** Where the API is read-only nothing is offered that it would refuse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile({ COLLECTOR_API__READ_ONLY: "true" });

test("actions are not offered", async () => {
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  await page.getByText("No jobs yet").waitFor();
  await page.getByText("read-only").waitFor();
  assert.equal(await page.getByRole("main").getByRole("link", { name: "New task" }).count(), 0);
  await page.goto("/ui/new");
  await page.getByText("This collector is read-only").waitFor();
  await page.goto("/ui/platforms");
  await page.getByRole("link", { name: "Its jobs" }).first().waitFor();
  assert.equal(await page.getByRole("main").getByRole("link", { name: "New task" }).count(), 0);
  await page.goto("/ui/sanjers");
  await page.getByText("Serving").first().waitFor();
  assert.equal(await page.getByRole("button", { name: /^(Quiet|Recycle)/ }).count(), 0);
  await page.goto("/ui/system");
  await page.getByText("everything that would change something is refused").waitFor();
  await visit.close();
});
