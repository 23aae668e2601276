/** Full nodes: nodes, peers, alarms, live; one of each. */
import { after, test } from "node:test";
import type { components } from "../src/api/schema.gen.ts";
import { HOSTILE } from "./support/browser.ts";
import { wait } from "./support/collector.ts";
import { Devnet } from "./support/devnet.ts";
import { poisoned } from "./support/poison.ts";
import { Scene } from "./support/scene.ts";

type Network = components["schemas"]["Network"];

let devnet: Devnet | undefined;
const scene = Scene.forThisFile(async () => {
  devnet = await Devnet.start(["--hathor", "3", "--block-ms", "1000", "--manner", "2=hung"], 3);
  return {};
});
after(() => devnet?.stop());

test("before anything is polled the page says how to begin", async () => {
  const visit = await scene.open("/ui/full-nodes");
  await visit.page.getByText("No full node has answered yet").waitFor();
  await visit.close();
});

test("nodes, peers and alarms are shown as they change", async () => {
  const visit = await scene.open("/ui/full-nodes");
  const { page } = visit;
  await page.getByText("No full node has answered yet").waitFor();
  const settings = { nodes: devnet?.lines, rounds: 0, interval_ms: 500, timeout_ms: 400 };
  await scene.collector.run({ platform_id: "node_status", settings });
  await page.getByRole("region", { name: "Nodes" }).locator("tbody tr").nth(1).waitFor();
  await page.getByText("A node is silent").waitFor();
  const block = page.locator(".figures div", { hasText: "Highest block" }).locator("dd").first();
  const before = await block.textContent();
  await wait(async () => (await block.textContent()) !== before, "a block comes");
  const peers = page.getByRole("region", { name: "Peers", exact: true });
  const { peers: all } = await scene.collector.get<Network>("/network");
  const peer = all.find(({ address }) => address.startsWith("198."));
  await page.getByLabel("Peers that contain").fill(peer?.id.slice(0, 12) ?? "");
  await wait(async () => (await peers.locator("tbody tr").count()) === 1, "one peer is left");
  await peers.locator("tbody a").first().click();
  await page.getByText("a peer", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Facts" }).getByText("Seen by").waitFor();
  await page.getByRole("region", { name: "Facts" }).getByRole("link").first().click();
  await page.getByRole("region", { name: "Its peers" }).locator("tbody tr").first().waitFor();
  await visit.close();
});

test("who pauses sees how it stood, not that it is read for ever", async () => {
  const visit = await scene.open("/ui/");
  const { page } = visit;
  await page.locator("main h1").waitFor();
  await page.keyboard.press("p");
  await page.getByText("Paused", { exact: true }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("u");
  await page.getByRole("region", { name: "Nodes" }).locator("tbody tr").first().waitFor();
  await page.evaluate("history.pushState(null, '', '?prefix=other'); dispatchEvent(new PopStateEvent('popstate'))");
  await page.getByText("No full node has answered yet").waitFor();
  await visit.close();
});

test("full nodes are there for everybody", async () => {
  const { nodes, peers } = await scene.collector.get<Network>("/network");
  const other = peers.find(({ id }) => nodes.every((node) => node.id !== id));
  await scene.isForEverybody([
    ["/ui/full-nodes", "section[aria-label=Peers] tbody tr"],
    [`/ui/full-nodes/${nodes[0]?.id}`, "section[aria-label='Its peers']"],
    [`/ui/full-nodes/${other?.id}`, "section[aria-label=Facts]"],
  ]);
});

test("nothing that a node says runs", async () => {
  const network = await scene.collector.get<Network>("/network");
  const said = (turn: number) => {
    const text = HOSTILE[turn % HOSTILE.length] ?? "";
    const alarms = { type: "alarms", alarms: HOSTILE.map((node) => ({ since: 1, kind: "node_silent", node, text })) };
    const data = { type: "network", revision: 1, data: hostile(network, turn) };
    return `id: 1\nevent: network\ndata: ${JSON.stringify(data)}\n\nevent: alarms\ndata: ${JSON.stringify(alarms)}\n\n`;
  };
  await scene.isDeaf([], [["/ui/full-nodes", "section[aria-label=Peers] tbody tr"]], async ({ page }, turn) =>
    page.route("**/network/events**", (route) =>
      route.fulfill({ contentType: "text/event-stream", body: said(turn()) }),
    ),
  );
});

/** Also the state is a node's own word. */
function hostile(network: Network, turn: number): unknown {
  const text = HOSTILE[(turn + 1) % HOSTILE.length];
  const { nodes, peers } = poisoned(network, turn) as Network;
  return {
    nodes: nodes.map((node) => ({ ...node, state: text })),
    peers: peers.map((peer) => ({ ...peer, state: text, warning_flags: [text, text] })),
  };
}
