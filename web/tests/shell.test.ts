/** The frame: pages, keys, themes, the connection, what is asked of every page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { wait } from "./support/collector.ts";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();

test("every page is accessible in both themes and fits a phone", async () => {
  const job = await scene.collector.run({ platform_id: "noop", settings: { rows: 3, log_lines: 3 } });
  await scene.collector.until(job, "succeeded");
  await scene.isForEverybody([
    ["/ui/", "main canvas"],
    ["/ui/jobs", "main tbody tr"],
    ["/ui/platforms", "main .card"],
    ["/ui/new", "main h1"],
    ["/ui/nowhere", "main h3"],
    [`/ui/jobs/${job}`, "main .timeline"],
  ]);
});

test("keys lead everywhere", async () => {
  const visit = await scene.open("/");
  const { page } = visit;
  await page.waitForURL("**/ui/");
  await page.waitForSelector("main h1");
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.waitForURL("**/ui/jobs");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByText("pause, or go on").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Search jobs and pages" }).fill("platf");
  await page.getByRole("option", { name: /Platforms/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/ui/platforms");
  await page.goBack();
  await page.waitForURL("**/ui/jobs");
  await visit.close();
});

test("two keys in a row are not one of them", async () => {
  const id = await scene.collector.run({ platform_id: "noop", settings: { fail_with: "fatal" } });
  await scene.collector.until(id, "failed");
  const visit = await scene.open("/ui/failures");
  const { page } = visit;
  await page.getByRole("table", { name: "Failures" }).locator("tbody tr").first().waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.waitForURL("**/ui/jobs");
  await visit.close();
});

test("the focus goes where the reader goes", async () => {
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  const focused = () => page.evaluate("document.activeElement?.id");
  await page.locator("tbody tr").first().waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "page");
  assert.equal(new URL(page.url()).pathname, "/ui/jobs");
  await page.getByRole("navigation").getByRole("link", { name: "Platforms" }).click();
  await page.waitForURL("**/ui/platforms");
  await wait(async () => (await focused()) === "page", "the page has the focus");
  await page.getByRole("button", { name: "Keys" }).focus();
  await page.goBack();
  await page.locator("tbody tr").first().waitFor();
  await wait(async () => (await focused()) === "page", "the page has the focus");
  await visit.close();
});

test("the theme and the time zone are kept", async () => {
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  const dark = () => page.evaluate("getComputedStyle(document.documentElement).colorScheme");
  await page.getByRole("button", { name: /Theme: system/ }).click();
  await page.getByRole("button", { name: /Theme: light/ }).click();
  assert.equal(await dark(), "dark");
  await page.getByRole("button", { name: "UTC" }).click();
  await page.reload();
  await page.getByRole("button", { name: /Theme: dark/ }).waitFor();
  await page.getByRole("button", { name: "Local" }).waitFor();
  assert.equal(await dark(), "dark");
  await visit.close();
});

test("a lost connection is shown and heals by itself", async () => {
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  await page.getByText("Live", { exact: true }).waitFor();
  await page.context().setOffline(true);
  await page.locator(".banner").getByText("does not answer").waitFor();
  await page.context().setOffline(false);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.locator(".banner").waitFor({ state: "detached" });
  await visit.close();
});

test("a lost connection is shown where only a stream is open", async () => {
  const id = await scene.collector.run({ platform_id: "noop", settings: { sleep_ms: 120_000, steps: 1000 } });
  await scene.collector.until(id, "running");
  const visit = await scene.open(`/ui/jobs/${id}`);
  const { page } = visit;
  await page.getByText("followed live").waitFor();
  await page.keyboard.press("p");
  await page.context().setOffline(true);
  await page.keyboard.press("p");
  await page.getByText("No connection", { exact: true }).waitFor();
  await page.context().setOffline(false);
  await page.getByText("Live", { exact: true }).waitFor();
  await scene.collector.post(`/execution/cancel?job_id=${id}`);
  await page.getByText("Cancelled", { exact: true }).first().waitFor();
  await visit.close();
});

test("what a proxy says and what the collector says are told apart", async () => {
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  await page.getByText("Live", { exact: true }).waitFor();
  const answer = (status: number, body: string, contentType: string) =>
    page.route("**/execution/list**", (route) => route.fulfill({ status, body, contentType }));
  const problem = { status: 503, code: "timeout", title: "It took too long", detail: "", request_id: "x" };
  await answer(503, JSON.stringify(problem), "application/problem+json");
  await page.getByRole("alert").getByText("It took too long").waitFor();
  assert.equal(await page.getByText(/Redis/).count(), 0, "Redis is not to blame");
  assert.equal(await page.locator(".banner").count(), 0);
  await page.unroute("**/execution/list**");
  await answer(502, "<h1>Bad Gateway</h1>", "text/html");
  await page.getByText("No connection", { exact: true }).waitFor();
  await page.unroute("**/execution/list**");
  await answer(503, '{"error":"redis_unavailable"}', "application/json");
  await page.getByText("Redis unavailable", { exact: true }).waitFor();
  await page.unroute("**/execution/list**");
  await page.getByText("Live", { exact: true }).waitFor();
  await visit.close();
});

test("while it is paused nothing is asked", async () => {
  const visit = await scene.open("/ui/jobs");
  const { page } = visit;
  await page.getByText("Live", { exact: true }).waitFor();
  let lists = 0;
  page.on("request", (request) => {
    if (request.url().includes("/execution/list")) lists += 1;
  });
  await wait(() => lists > 0, "the list is read again");
  await page.keyboard.press("p");
  await page.getByText("Paused", { exact: true }).waitFor();
  lists = 0;
  await scene.collector.until(
    await scene.collector.run({ platform_id: "noop", settings: { sleep_ms: 4500 } }),
    "succeeded",
  );
  assert.equal(lists, 0);
  await page.keyboard.press("p");
  await wait(() => lists > 0, "the list is read again");
  await visit.close();
});

test("the first page takes less than 60 kB of script", async () => {
  const visit = await scene.open("/ui/nowhere");
  const { page } = visit;
  const scripts: Promise<Buffer>[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith(".js")) scripts.push(response.body());
  });
  await page.goto("/ui/");
  await page.locator("canvas").first().waitFor();
  const sizes = (await Promise.all(scripts)).map((script) => gzipSync(script).length);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  assert.ok(scripts.length > 1 && size < 60_000, `${size} bytes`);
  await visit.close();
});
