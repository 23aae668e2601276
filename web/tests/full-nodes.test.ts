/** Full nodes: nodes, peers, alarms, live; one of each. */
import assert from "node:assert/strict";
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

test("full nodes are there for everybody", async () => {
  const { nodes, peers } = await scene.collector.get<Network>("/network");
  await scene.isForEverybody("/ui/full-nodes", "section[aria-label=Peers] tbody tr");
  await scene.isForEverybody(`/ui/full-nodes/${nodes[0]?.id}`, "section[aria-label='Its peers']");
  const other = peers.find(({ id }) => nodes.every((node) => node.id !== id));
  await scene.isForEverybody(`/ui/full-nodes/${other?.id}`, "section[aria-label=Facts]");
});

test("nothing that a node says runs", async () => {
  const network = await scene.collector.get<Network>("/network");
  for (const text of HOSTILE) {
    const alarms = { type: "alarms", alarms: [{ since: 1, kind: "node_silent", node: text, text }] };
    const data = { type: "network", revision: 1, data: hostile(network, text) };
    const visit = await scene.open("/ui/nowhere");
    const { page } = visit;
    await page.route("**/network/events**", (route) =>
      route.fulfill({ contentType: "text/event-stream", body: `id: 1\nevent: network\ndata: ${JSON.stringify(data)}\n\nevent: alarms\ndata: ${JSON.stringify(alarms)}\n\n` }),
    );
    await page.goto("/ui/full-nodes");
    await page.getByText("A node is silent").waitFor();
    await page.locator("section[aria-label=Peers] tbody tr").first().waitFor();
    await visit.fits();
    await visit.close();
  }
  assert.ok(network.nodes.length > 0);
});

/** Also the state is a node's own word. */
function hostile(network: Network, text: string): unknown {
  const { nodes, peers } = poisoned(network, text) as Network;
  return { nodes: nodes.map((node) => ({ ...node, state: text })), peers: peers.map((peer) => ({ ...peer, state: text, warning_flags: [text, text] })) };
}
