/** A task from a form: types, dates, secrets, complaints in place, JSON both ways, editing what ran. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene } from "./support/scene.ts";

const scene = Scene.forThisFile();

test("a task is written, understood while it is written, and run", async () => {
  const visit = await scene.open("/ui/new");
  const { page } = visit;
  await page.getByRole("link", { name: /^noop/ }).click();
  await page.waitForURL("**/ui/new?platform=noop");
  await page.getByLabel(/^sleep_ms/).fill("10");
  await page.getByLabel(/^on/).fill("2 weeks ago");
  await page.getByText(/^= \d{4}-\d\d-\d\dT/).waitFor();
  await page.getByLabel(/^secret/).fill("hunter22");
  assert.equal(await page.getByLabel(/^secret/).getAttribute("type"), "password");
  await page.getByLabel(/^checkpoint/).check();
  await page.getByText("How it is executed").click();
  await page.getByLabel("Own id").fill("from the form");
  await page.getByRole("button", { name: "Add to labels" }).click();
  await page
    .getByRole("group", { name: /labels/ })
    .getByRole("textbox")
    .fill("by-hand");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(/\/ui\/jobs\/[0-9a-f-]{36}$/);
  const job = await scene.collector.until(page.url().split("/").pop() ?? "", "succeeded");
  assert.equal(job._id, "from the form");
  assert.deepEqual(job.labels, ["by-hand"]);
  const settings = job.settings as Record<string, unknown>;
  assert.deepEqual([settings.sleep_ms, settings.checkpoint, settings.secret], [10, true, "••••"]);
  assert.equal((job.result as Record<string, unknown>).secret_length, 8);
  await visit.close();
});

test("what is wrong is said where it is wrong, by the API's own words", async () => {
  const visit = await scene.open("/ui/new?platform=noop");
  const { page } = visit;
  await page.getByLabel(/^sleep_ms/).fill("long");
  await page.locator('[data-pointer="/settings/sleep_ms"] .fault').waitFor();
  await page.getByLabel(/^on/).fill("someday");
  await page.locator('[data-pointer="/settings/on"] .fault').waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("2 things are wrong; nothing was stored").waitFor();
  await alert.getByRole("button", { name: "/settings/on" }).click();
  assert.equal(await page.evaluate("document.activeElement?.value"), "someday");
  await visit.isAccessible();
  await page.getByLabel(/^on/).fill("yesterday");
  await page.getByLabel(/^sleep_ms/).fill("");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(/\/ui\/jobs\/[0-9a-f-]{36}$/);
  await visit.close();
});

test("form and JSON are two views of one task", async () => {
  const visit = await scene.open("/ui/new?platform=enr_crawl");
  const { page } = visit;
  await page
    .getByRole("group", { name: /bootnodes/ })
    .getByRole("textbox")
    .fill("enr:-first");
  await page.getByRole("combobox", { name: "storage" }).selectOption("postgres");
  await page
    .getByRole("group", { name: /storage/ })
    .getByRole("group", { name: /settings/ })
    .getByLabel(/^url/)
    .fill("postgres://x");
  await page.getByRole("button", { name: "JSON", exact: true }).click();
  const text = page.getByRole("textbox", { name: "Task spec as JSON" });
  const spec = JSON.parse(await text.inputValue());
  assert.deepEqual(spec.settings.storage, { type: "postgres", settings: { url: "postgres://x" } });
  spec.settings.bootnodes = ["enr:-second", "enr:-third"];
  spec.settings.storage = { type: "sqlite", settings: { path: "/tmp/nodes.db" } };
  await text.fill("{");
  await page.getByText("Not taken over yet").waitFor();
  await text.fill(JSON.stringify(spec));
  await page.getByRole("button", { name: "Form", exact: true }).click();
  assert.equal(await page.getByRole("combobox", { name: "storage" }).inputValue(), "sqlite");
  assert.equal(
    await page
      .getByRole("group", { name: /bootnodes/ })
      .getByRole("textbox")
      .count(),
    2,
  );
  await visit.isAccessible();
  await visit.close();
});

test("what cannot be read is neither sent nor lost", async () => {
  const visit = await scene.open("/ui/new?platform=noop");
  const { page } = visit;
  let posts = 0;
  page.on("request", (request) => (posts += Number(request.url().endsWith("/execution/run"))));
  await page.getByRole("button", { name: "JSON", exact: true }).click();
  const text = page.getByRole("textbox", { name: "Task spec as JSON" });
  await text.fill("{");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("cannot be read yet").waitFor();
  await page.getByRole("button", { name: "Form", exact: true }).click();
  await alert.getByRole("button", { name: "the whole" }).click();
  assert.equal(await page.evaluate("document.activeElement?.value"), "{", "it stays in the view in which it was typed");
  await text.fill('{"platform_id": "noop", "_id": 7}');
  await page.getByText("_id must be a string").first().waitFor();
  assert.equal(posts, 0);
  assert.equal(new URL(page.url()).pathname, "/ui/new");
  await text.fill('{"platform_id": "noop", "_id": "seven"}');
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.waitForURL(/\/ui\/jobs\/[0-9a-f-]{36}$/);
  assert.equal((await scene.collector.job(page.url().split("/").pop() ?? ""))._id, "seven");
  await visit.close();
});

test("numbers are sent, shown and copied as they are written", async () => {
  const large = "9007199254740993";
  const visit = await scene.open("/ui/new?platform=noop");
  const { page } = visit;
  const checked = () =>
    page.waitForRequest(
      (request) => request.url().endsWith("/execution/check") && (request.postData() ?? "").includes(large),
    );
  const typed = checked();
  await page.getByLabel(/^sleep_ms/).fill(large);
  await typed;
  await page.locator('[data-pointer="/settings/sleep_ms"] .fault').waitFor();
  await page.getByRole("button", { name: "JSON", exact: true }).click();
  const text = page.getByRole("textbox", { name: "Task spec as JSON" });
  assert.match(await text.inputValue(), new RegExp(`"sleep_ms": ${large}`));
  const edited = checked();
  await text.fill(`{"platform_id": "noop", "settings": {"steps": ${large}}}`);
  await edited;
  const id = await scene.collector.run({ platform_id: "noop" });
  await scene.collector.until(id, "succeeded");
  await page.route("**/execution/get**", async (route) => {
    const answer = await route.fetch();
    const body = (await answer.text()).replace('"slept_ms":0', `"slept_ms":${large}`);
    await route.fulfill({ response: answer, body });
  });
  await page.goto(`/ui/jobs/${id}`);
  await page.getByText(large, { exact: true }).waitFor();
  await page.getByRole("button", { name: "Copy result" }).click();
  await page.getByText("Result copied").waitFor();
  assert.match(await page.evaluate("navigator.clipboard.readText()"), new RegExp(`"slept_ms": ${large}`));
  await visit.close();
});

test("what failed is edited and runs again, its secrets kept", async () => {
  const { collector } = scene;
  const old = await collector.run({
    platform_id: "noop",
    settings: { fail_with: "fatal", secret: "hunter22", on: "yesterday" },
  });
  const before = await collector.until(old, "failed");
  const visit = await scene.open(`/ui/jobs/${old}`);
  const { page } = visit;
  await page.getByRole("link", { name: "Edit and run again" }).click();
  await page.waitForURL(`**/ui/new?from=${old}`);
  await page.getByLabel(/^secret/).fill("x");
  await page.getByLabel(/^secret/).fill("");
  await page.getByLabel(/^fail_with/).selectOption("");
  await page.getByText("It will run in the pool light.").waitFor();
  assert.equal(await page.locator(".fault").count(), 0, "a secret that is kept is not wrong");
  await page.getByRole("button", { name: "Run again" }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/ui/jobs/") && !url.pathname.endsWith(old));
  const job = await collector.until(page.url().split("/").pop() ?? "", "succeeded");
  assert.equal(job.retry_of, old);
  assert.equal((job.result as Record<string, unknown>).secret_length, 8);
  const date = (one: typeof job) => (one.settings as { on: { value: string } }).on.value;
  assert.equal(date(job), date(before), "a date stays what it was resolved to");
  await visit.close();
});
