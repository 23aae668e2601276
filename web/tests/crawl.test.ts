/** A crawled network: its nodes, one node, the map, the figures, live. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { components } from "../src/api/schema.gen.ts";
import { HOSTILE } from "./support/browser.ts";
import { wait } from "./support/collector.ts";
import { Devnet } from "./support/devnet.ts";
import { Scene } from "./support/scene.ts";

const NODES = 24;
let devnet: Devnet | undefined;
const scene = Scene.forThisFile(async () => {
  devnet = await Devnet.start(["--nodes", String(NODES), "--churn", "3"], 1);
  return {};
});
after(() => devnet?.stop());

const stats = () => scene.collector.get<components["schemas"]["CrawlStats"]>("/crawl/stats?network=local");

/** A crawl that goes on, and has found most of the nodes. */
async function crawled(): Promise<void> {
  const settings = { network: "local", epochs: 0, epoch_s: 2, bootnodes: devnet?.lines.slice(0, 1) };
  await scene.collector.run({ platform_id: "enr_crawl", settings });
  await wait(async () => (await stats().catch(() => undefined))?.nodes === NODES, "every node is found");
  await wait(
    async () => ((await stats()).epochs.filter(({ closed_at }) => closed_at !== undefined).length ?? 0) >= 2,
    "two epochs have ended",
  );
}

test("before a crawl the page says how to begin one", async () => {
  const visit = await scene.open("/ui/crawl");
  await visit.page.getByText("No network has been crawled").waitFor();
  await visit.close();
});

test("nodes are filtered, opened, and what happens is told live", async () => {
  await crawled();
  const visit = await scene.open("/ui/crawl");
  const { page } = visit;
  await page.locator("tbody tr").nth(10).waitFor();
  await page
    .getByRole("region", { name: "What happens" })
    .getByText(/newer record|found|gone/)
    .first()
    .waitFor();
  await page.getByLabel("client").selectOption("harbour");
  await page.waitForURL("**client=harbour**");
  await page.locator(".table-frame:not([data-stale])").waitFor();
  for (const client of await page.locator("tbody tr .client").allTextContents()) assert.equal(client, "harbour");
  await page.getByLabel("Subnet").fill("203.0.113.0/24");
  await page.keyboard.press("Enter");
  await page.getByText("No node is like that").waitFor();
  await page.getByLabel("Subnet").fill("nonsense");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Subnet").fill("");
  await page.keyboard.press("Enter");
  await page.locator("tbody tr a").first().click();
  await page.waitForURL("**/ui/crawl/*");
  await page.getByRole("region", { name: "Record" }).getByText("harbour").waitFor();
  const neighbours = page.getByRole("region", { name: "Neighbours" });
  await neighbours.getByText(/^It told of/).waitFor();
  await neighbours.getByRole("link").first().click();
  await page.getByRole("region", { name: "Facts" }).waitFor();
  await visit.close();
});

test("the map draws every node and settles", async () => {
  const visit = await scene.open("/ui/crawl?part=map");
  const { page } = visit;
  await page.locator(".map[data-settled]").waitFor();
  const label = await page.getByRole("img", { name: /^Map of/ }).getAttribute("aria-label");
  assert.match(label ?? "", /^Map of \d+ nodes and \d+ edges/);
  const colours = await page.evaluate(`(() => {
    const canvas = document.querySelector(".map canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) seen.add(data.slice(at, at + 3).join());
    return seen.size;
  })()`);
  assert.ok((colours as number) > 3, `${String(colours)} colours`);
  await page.getByRole("button", { name: "Nearer" }).click();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByRole("button", { name: "Fork", exact: true }).click();
  await page.waitForURL("**by=fork**");
  await page
    .locator(".map-legend")
    .getByText(/^eth2?\//)
    .first()
    .waitFor();
  await visit.close();
});

test("the map is read once, however often it is paused", async () => {
  const visit = await scene.open("/ui/nowhere");
  const { page } = visit;
  let maps = 0;
  let stats = 0;
  page.on("request", (request) => {
    if (request.url().includes("/crawl/export")) maps += 1;
    if (request.url().includes("/crawl/stats")) stats += 1;
  });
  await page.goto("/ui/crawl?part=map");
  await page.locator(".map[data-settled]").waitFor();
  await page.keyboard.press("p");
  await page.getByText("Paused", { exact: true }).waitFor();
  stats = 0;
  await page.keyboard.press("p");
  await wait(() => stats > 1, "the figures are read again and again");
  assert.equal(maps, 1);
  await page.getByRole("button", { name: "Draw anew" }).click();
  await wait(() => maps === 2, "the map is read when it is wanted");
  await visit.close();
});

test("a network too large to draw is drawn by its clients", async () => {
  const visit = await scene.open("/ui/nowhere");
  await visit.page.route(
    (url) => url.pathname === "/crawl/stats",
    async (route) => {
      const answer = await route.fetch();
      const real = (await answer.json()) as object;
      await route.fulfill({
        response: answer,
        json: { ...real, nodes: 60_000, clients: { harbour: 30_000, lantern: 20_000, other: 400 } },
      });
    },
  );
  await visit.page.goto("/ui/crawl?part=map");
  await visit.page.locator(".map[data-settled]").waitFor();
  await visit.page.getByText("too many to draw each").waitFor();
  await visit.close();
});

test("figures and work lead to nodes and jobs", async () => {
  const visit = await scene.open("/ui/crawl?part=shares");
  const { page } = visit;
  await page.getByRole("list", { name: "Clients" }).getByRole("link", { name: "harbour" }).click();
  await page.waitForURL("**client=harbour**");
  await page.goto("/ui/crawl?part=churn");
  await page.locator("canvas").nth(3).waitFor();
  await page.goto("/ui/crawl?part=work");
  await page.getByText("What went over the wire").click();
  await page.getByText("packets sent").waitFor();
  await page.locator("h2 a").first().click();
  await page.waitForURL("**/ui/jobs/**");
  await visit.close();
});

test("the crawl is there for everybody", async () => {
  const { nodes } = await scene.collector.get<components["schemas"]["CrawlNodes"]>("/crawl/nodes?network=local");
  await scene.isForEverybody([
    ["/ui/crawl", "tbody tr"],
    ["/ui/crawl?part=map", ".map[data-settled]"],
    ["/ui/crawl?part=shares", ".bars"],
    ["/ui/crawl?part=work", ".wire"],
    [`/ui/crawl/${nodes[0]?.node_id}?network=local`, "section[aria-label=Neighbours]"],
  ]);
});

test("nothing that a record says runs", async () => {
  const { nodes } = await scene.collector.get<components["schemas"]["CrawlNodes"]>("/crawl/nodes?network=local");
  const counts = (turn: number) => Object.fromEntries(HOSTILE.map((text, place) => [text, place + turn + 1]));
  await scene.isDeaf(
    ["/crawl/nodes", "/crawl/node", "/crawl/networks"],
    [
      ["/ui/crawl?network=local", "tbody tr"],
      ["/ui/crawl?network=local&part=shares", ".bars"],
      [`/ui/crawl/${nodes[0]?.node_id}?network=local`, "section[aria-label=Record]"],
    ],
    async ({ page }, turn) =>
      page.route(
        (url) => url.pathname === "/crawl/stats",
        async (route) => {
          const answer = await route.fetch();
          const real = (await answer.json()) as object;
          await route.fulfill({
            response: answer,
            json: { ...real, clients: counts(turn()), forks: counts(turn()), subnets: counts(turn()) },
          });
        },
      ),
  );
});
