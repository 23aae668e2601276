/** Requests of many providers: the list, one of them live, answers, callbacks. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { HOSTILE } from "./support/browser.ts";
import { startProviders } from "./support/devnet.ts";
import { Scene } from "./support/scene.ts";

let stop: (() => Promise<void>) | undefined;
const scene = Scene.forThisFile(async () => {
  const providers = await startProviders(["--providers", "4", "--script", "slow:1500,ok,text,csv"]);
  stop = providers.stop;
  return providers.environment;
});
after(() => stop?.());

/** A port of this machine where nobody listens. */
const NOBODY = "http://127.0.0.1:1999/hook";

async function request(body: object): Promise<string> {
  return (await scene.collector.post<{ requestId: string }>("/request", body)).requestId;
}

test("a request is followed to its answers, and its callback is delivered again", async () => {
  const visit = await scene.open("/ui/requests");
  const { page } = visit;
  await page.getByText("No requests yet").waitFor();
  const id = await request({ providers: ["p0", "p1"], parameters: { name: HOSTILE[0] }, callbackUrl: NOBODY });
  await page.getByRole("link", { name: id }).click();
  await page.waitForURL(`**/ui/requests/${id}`);
  await page.locator(".badge", { hasText: /^Running$|^Done$/ }).waitFor();
  await page.locator(".head .badge", { hasText: "Done" }).waitFor();
  await page
    .locator("tr", { hasText: "p0" })
    .getByRole("button", { name: /Show the answer/ })
    .click();
  const answer = page.getByRole("region", { name: "Answer" });
  await answer.getByText('"p0"').waitFor();
  await page.locator("section", { hasText: "Parameters" }).getByText("<img src=x").waitFor();
  await answer.getByRole("button", { name: "Close the answer" }).click();
  const callback = page.getByRole("region", { name: "Callback" });
  await callback.getByText("cannot connect").first().waitFor();
  await page.getByRole("button", { name: "Deliver again" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Deliver again" }).click();
  await page.getByText("The callback is being delivered again").waitFor();
  await callback.locator("tbody tr").nth(1).waitFor();
  await visit.close();
});

test("answers of every kind are shown as what they are", async () => {
  const kinds = [/lines of JSON|JSON|text|a table/];
  const id = await request({ providers: ["p0", "p1", "p2", "p3"] });
  const visit = await scene.open(`/ui/requests/${id}`);
  const { page } = visit;
  await page.locator(".head .badge", { hasText: /^Done$|^Failed$/ }).waitFor();
  const shown = page.getByRole("button", { name: /Show the answer/ });
  assert.ok((await shown.count()) > 0);
  await shown.first().click();
  await page
    .getByRole("region", { name: "Answer" })
    .getByText(kinds[0] as RegExp)
    .first()
    .waitFor();
  await visit.close();
});

test("requests are there for everybody, and nothing that a provider says runs", async () => {
  const id = await request({ providers: ["p0", "p1"], parameters: { q: "x" }, callbackUrl: NOBODY });
  await scene.collector.get(`/request?id=${id}&wait=20s`);
  const pages: [string, string][] = [
    ["/ui/requests", "section[aria-label=Providers] tbody tr"],
    [`/ui/requests/${id}?provider=p0`, "section[aria-label=Answer] .body"],
  ];
  await scene.isForEverybody(pages);
  await scene.isDeaf(["/request", "/request/list", "/providers/get"], pages);
});

test("a request that is not there is said not to be", async () => {
  const visit = await scene.open("/ui/requests/none-such");
  await visit.page.getByRole("alert").waitFor();
  await visit.isAccessible();
  await visit.close();
});
