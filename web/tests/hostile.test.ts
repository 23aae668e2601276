/** Whatever a job says, it is text: in every field, on every page, at every width. */
import { test } from "node:test";
import { HOSTILE, PHONE } from "./support/browser.ts";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();

test("nothing that a job says runs, leads away or breaks a page", async () => {
  const { collector } = scene;
  const ids: string[] = [];
  for (const text of HOSTILE) {
    const id = await collector.run({
      _id: text.slice(0, 200),
      platform_id: "noop",
      settings: { padding: text, fail_with: "fatal" },
    });
    await collector.until(id, "failed");
    ids.push(id);
  }
  // The last words of a process that dies.
  const settings = { padding: "x", print: HOSTILE.join(" ").slice(0, 1000), fail_with: "exit", exit_code: 3 };
  const dead = await collector.run({ platform_id: "noop", settings });
  await collector.until(dead, "dead");
  ids.push(dead);
  for (const view of [{}, PHONE]) {
    const visit = await scene.open("/ui/jobs", view);
    const { page } = visit;
    await page
      .locator("tbody tr")
      .nth(HOSTILE.length - 1)
      .waitFor();
    await visit.fits();
    await visit.close();
    for (const id of ids) {
      const job = await scene.open(`/ui/jobs/${id}?part=settings`, view);
      await job.page.getByText("padding").waitFor();
      await job.fits();
      await job.page.getByRole("button", { name: "Raw hash" }).click();
      await job.page.getByText(`:job:${id}'`).waitFor();
      await job.fits();
      await job.close();
    }
  }
});

test("nothing that an address says runs", async () => {
  const visit = await scene.open("/ui/nowhere");
  for (const text of HOSTILE.slice(0, -1)) {
    const query = encodeURIComponent(text);
    for (const path of [
      `jobs?label=${query}&_id=${query}&error=${query}&status=${query}&created=${query}&cursor=${query}`,
      `jobs/${query}`,
      `new?platform=${query}`,
      `new?from=${query}`,
      `?span=${query}&pool=${query}`,
      `crawl?network=${query}&part=${query}&client=${query}`,
      `requests/${query}?provider=${query}`,
      `full-nodes/${query}?prefix=${query}`,
      `reference?q=${query}&op=${query}`,
      query,
    ]) {
      await visit.page.goto(`/ui/${path}`);
      await visit.page.waitForSelector("main h1, main h3");
      await visit.fits();
    }
  }
  await visit.close();
});
