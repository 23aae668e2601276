/** Finding jobs, following them, acting on many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { wait } from "./support/collector.ts";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();

test("jobs are found by what is known of them, and the address says how", async () => {
  const { collector } = scene;
  const mine = await collector.run({
    _id: "order-17",
    platform_id: "noop",
    options: { labels: ["nightly", "team:data"] },
  });
  const bad = await collector.run({
    platform_id: "noop",
    settings: { fail_with: "fatal" },
    options: { labels: ["nightly"] },
  });
  await collector.until(mine, "succeeded");
  await collector.until(bad, "failed");
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  const rows = page.locator("tbody tr");
  await rows.nth(1).waitFor();
  await page.getByRole("button", { name: /^Failed/ }).click();
  await page.waitForURL("**/ui/jobs?status=failed");
  await wait(async () => (await rows.count()) === 1, "one job failed");
  assert.equal(await rows.getAttribute("data-id"), bad);
  await page.goBack();
  const finder = page.getByRole("combobox", { name: "Find jobs" });
  await finder.fill("nightl");
  await page.getByRole("option", { name: /label nightly/ }).click();
  await page.waitForURL("**label=nightly");
  await wait(async () => (await rows.count()) === 2, "two jobs are nightly");
  await finder.fill("order-1");
  await page.getByRole("option", { name: /own id order-17/ }).click();
  await page.waitForURL("**_id=order-17");
  await wait(async () => (await rows.count()) === 1, "both filters hold");
  // Who is given the address sees the same.
  const other = await scene.open(new URL(page.url()).pathname + new URL(page.url()).search);
  await wait(async () => (await other.page.locator("tbody tr").count()) === 1, "the same list");
  await other.close();
  await page.getByRole("button", { name: "Remove the filter label" }).click();
  await page.getByRole("button", { name: "Clear" }).click();
  await wait(async () => (await rows.count()) === 2, "no filter holds");
  await page.getByRole("combobox", { name: "time" }).selectOption("finished 15m");
  await page.waitForURL("**finished=15m");
  await page.getByRole("button", { name: "More filters" }).click();
  await page.getByRole("dialog").getByLabel("error").fill("asked_to_fail");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.waitForURL("**error=asked_to_fail**");
  await wait(async () => (await rows.count()) === 1, "one has this error");
  await page.locator("tbody tr").click();
  await page.waitForURL(`**/ui/jobs/${bad}`);
  await visit.close();
});

test("Enter means what is typed, whenever it is found", async () => {
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  await page.route("**/execution/search**", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    await route.continue();
  });
  await scene.collector.run({ _id: "order-1", platform_id: "noop" });
  const finder = page.getByRole("combobox", { name: "Find jobs" });
  await finder.fill("order-1");
  await page.getByRole("option").first().waitFor();
  await finder.pressSequentially("7");
  await finder.press("Enter");
  await page.waitForURL("**_id=order-17");
  await finder.fill("nobody knows");
  await page.getByText("Nothing has this id").waitFor();
  const { job_id } = (await scene.collector.get<{ jobs: { job_id: string }[] }>("/execution/list")).jobs[0] ?? {};
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search jobs and pages" }).fill(job_id ?? "");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/ui/jobs/${job_id}`);
  await visit.close();
});

test("the list is live, and keeps its reader's place", async () => {
  const { collector } = scene;
  const slow = await collector.run({
    platform_id: "noop",
    settings: { sleep_ms: 60_000, steps: 600 },
    options: { labels: ["place"] },
  });
  await collector.until(slow, "running");
  const visit = await scene.open("/ui/jobs?label=place");
  const { page } = visit;
  const rows = page.locator("tbody tr");
  await rows.getByText("Running").waitFor();
  const before = await rows.first().locator("progress").getAttribute("value");
  await wait(async () => (await rows.first().locator("progress").getAttribute("value")) !== before, "progress moves");
  await page.keyboard.press("j");
  const next = await collector.run({ platform_id: "noop", options: { labels: ["place"] } });
  await page.getByRole("button", { name: "1 new: show" }).waitFor();
  assert.equal(await page.evaluate("document.activeElement?.dataset.id"), slow, "the focus stays on its row");
  assert.equal(await rows.count(), 1);
  await page.getByRole("button", { name: "1 new: show" }).click();
  await wait(async () => (await rows.count()) === 2, "the new job is shown");
  assert.equal(await rows.first().getAttribute("data-id"), next);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/ui/jobs/${slow}`);
  await page.goBack();
  await page
    .getByRole("button", { name: "Local" })
    .or(page.getByRole("button", { name: "UTC" }))
    .waitFor();
  await visit.close();
});

test("pages are turned by cursor", async () => {
  const { collector } = scene;
  await Promise.all(
    Array.from({ length: 60 }, () => collector.run({ platform_id: "noop", options: { labels: ["many"] } })),
  );
  const visit = await scene.open("/ui/jobs?label=many");
  const { page } = visit;
  const rows = page.locator("tbody tr");
  await page.getByText("50 of 60").waitFor();
  // Who looks into a job comes back to where he was.
  await page.evaluate("window.scrollTo(0, 1000)");
  await rows.nth(30).locator("a").first().click();
  await page.getByRole("heading", { name: "Facts" }).waitFor();
  await page.goBack();
  await wait(async () => (await page.evaluate("window.scrollY")) === 1000, "the list is where it was");
  const first = await rows.first().getAttribute("data-id");
  await page.getByRole("button", { name: "Next page" }).click();
  await page.waitForURL("**cursor=**");
  await wait(async () => (await rows.count()) === 10, "the second page");
  await page.getByRole("button", { name: "First page" }).click();
  await wait(async () => (await rows.first().getAttribute("data-id")) === first, "the first page again");
  await visit.close();
});

test("pages of the last hour are turned, also by whoever is given the address", async () => {
  const visit = await scene.open("/ui/jobs?label=many&created=1h");
  const { page } = visit;
  const rows = page.locator("tbody tr");
  await page.getByText("50 of 60").waitFor();
  await page.getByRole("button", { name: "Next page" }).click();
  await wait(async () => (await rows.count()) === 10, "the second page");
  await page.reload();
  await wait(async () => (await rows.count()) === 10, "the second page again");
  assert.equal(await page.getByRole("alert").count(), 0);
  // Back is for who has come from a page of ours.
  const other = await scene.open(new URL(page.url()).pathname + new URL(page.url()).search);
  await other.page.getByRole("button", { name: "First page" }).waitFor();
  assert.equal(await other.page.getByRole("button", { name: "Back", exact: true }).count(), 0);
  await other.close();
  await page.getByRole("button", { name: "Back", exact: true }).click();
  await wait(async () => (await rows.count()) === 50, "the first page again");
  await visit.close();
});

test("behind rows that are held comes what is behind them", async () => {
  const { collector } = scene;
  const more = (many: number) =>
    Promise.all(
      Array.from({ length: many }, () => collector.run({ platform_id: "noop", options: { labels: ["held"] } })),
    );
  const ids: string[] = [];
  for (let n = 0; n < 60; n += 1) ids.push(...(await more(1)));
  const visit = await scene.open("/ui/jobs?label=held");
  const { page } = visit;
  await page.getByText("50 of 60").waitFor();
  await page.evaluate("window.scrollTo(0, 1000)");
  await more(30);
  await page.getByRole("button", { name: "30 new: show" }).waitFor();
  await page.getByRole("button", { name: "Next page" }).click();
  const rows = page.locator("tbody tr");
  await wait(async () => (await rows.count()) === 10, "the second page");
  const shown = await rows.evaluateAll((all) => all.map((row) => row.getAttribute("data-id") ?? ""));
  assert.deepEqual(shown.toReversed(), ids.slice(0, 10), "the ten oldest");
  await visit.close();
});

test("all that match are meant only as long as they were asked for", async () => {
  const { collector } = scene;
  const ids = await Promise.all(
    Array.from({ length: 60 }, () =>
      collector.run({ platform_id: "noop", settings: { fail_with: "fatal" }, options: { labels: ["all"] } }),
    ),
  );
  for (const id of ids) await collector.until(id, "failed");
  const visit = await scene.open("/ui/jobs?label=all");
  const { page } = visit;
  const bar = page.getByRole("group", { name: "Selected jobs" });
  const box = page.locator("tbody input[type=checkbox]").first();
  const asked = async () => {
    await page.getByRole("button", { name: "Select all 60 that match" }).click();
    await bar.getByText("All 60 matching jobs").waitFor();
  };
  await page.getByText("50 of 60").waitFor();
  await box.check();
  await asked();
  await page.getByRole("button", { name: /^Failed/ }).click();
  await page.locator(".table-frame:not([data-stale])").waitFor();
  await box.check();
  await bar.getByText("1 job selected").waitFor();
  await page.getByRole("checkbox", { name: "Select all shown" }).check();
  await asked();
  await box.uncheck();
  await bar.getByText("49 jobs selected").waitFor();
  await visit.close();
});

test("one question at a time is asked", async () => {
  const { collector } = scene;
  const id = await collector.run({
    platform_id: "noop",
    settings: { fail_with: "fatal" },
    options: { labels: ["one"] },
  });
  await collector.until(id, "failed");
  const visit = await scene.open("/ui/jobs?label=one&status=failed");
  const { page } = visit;
  let counts = 0;
  await page.route("**/execution/bulk", async (route) => {
    counts += 1;
    await new Promise((resolve) => setTimeout(resolve, 700));
    await route.continue();
  });
  await page.getByRole("checkbox", { name: `Select ${id}` }).check();
  await page.getByRole("button", { name: "Run again", exact: true }).click();
  await page.locator(".bulk [aria-busy=true]").waitFor();
  await page.getByRole("button", { name: "Delete", exact: true }).click({ force: true });
  await page.getByRole("dialog", { name: "Run again 1 job?" }).waitFor();
  assert.equal(counts, 1);
  await page.keyboard.press("Escape");
  await page.locator(".bulk [aria-busy=true]").waitFor({ state: "detached" });
  await page.locator(".bulk button:focus").waitFor();
  await visit.close();
});

test("selected jobs, and all that match, are acted on after a count", async () => {
  const { collector } = scene;
  const spec = { platform_id: "noop", settings: { sleep_ms: 600_000 }, options: { labels: ["bulk"] } };
  const ids = await Promise.all(Array.from({ length: 4 }, () => collector.run(spec)));
  const visit = await scene.open("/ui/jobs?label=bulk");
  const { page } = visit;
  await page.getByText("4 of 4").waitFor();
  await page.getByRole("checkbox", { name: `Select ${ids[0]}` }).check();
  await page.getByText("1 job selected").waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel 1 job" }).click();
  await collector.until(ids[0] ?? "", "cancelled");
  await page.getByRole("checkbox", { name: `Select ${ids[1]}` }).check();
  await page.getByRole("button", { name: "Select all 4 that match" }).click();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("dialog", { name: "Cancel 3 jobs?" }).waitFor();
  await page.keyboard.press("Escape");
  assert.notEqual((await collector.job(ids[1] ?? "")).status, "cancelled", "nothing happens before a yes");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel 3 jobs" }).click();
  for (const id of ids) await collector.until(id, "cancelled");
  await page.getByRole("link", { name: "Watch how far it is" }).last().click();
  await page.getByText("bulk_action").first().waitFor();
  await visit.close();
});
