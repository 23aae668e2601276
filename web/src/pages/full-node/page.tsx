/** One full node, as it described itself when it last answered; of a peer, what the nodes that see it say. */
import { get } from "../../api/client";
import { ofNow, usePoll } from "../../api/poll";
import { Problem } from "../../api/problem";
import type { components } from "../../api/schema.gen";
import { count } from "../../format/quantity";
import { link, param, parts } from "../../router";
import { Read } from "../../ui/note";
import { Table } from "../../ui/table";
import { Copy, Prose, Time, shortId } from "../../ui/text";
import { Id, Seconds, Since, State, peerColumns } from "../full-nodes/columns";
import type { Network, Peer } from "../full-nodes/news";

type Node = components["schemas"]["FullNode"];
type Found = { node: Node } | { peer: Peer };

const EVERY_MS = 3000;
const NOT_FOUND = 404;

export default function FullNodePage() {
  const id = parts.value[1] ?? "";
  const prefix = param("prefix") || undefined;
  const poll = ofNow(usePoll(`${prefix} ${id}`, EVERY_MS, (signal) => find(id, prefix, signal)));
  const found = poll.data;
  return (
    <>
      <header class="head">
        <div class="title">
          <a class="crumb" href={link("full-nodes", { prefix })}>
            Full nodes
          </a>
          <div class="row">
            <h1 class="mono">{shortId(id)}</h1>
            {found && <State state={"node" in found ? found.node.state : found.peer.state} />}
            {found && <span class="soft">{"node" in found ? "a node" : "a peer"}</span>}
          </div>
          <div class="row small faint">
            <span class="mono wrap">{id}</span>
            <Copy text={id} what="Node id" />
          </div>
        </div>
      </header>
      <Read poll={poll} lines={8}>
        {(found) => ("node" in found ? <NodeCards node={found.node} /> : <PeerCard peer={found.peer} />)}
      </Read>
    </>
  );
}

/** A node that is polled, or else a peer of one. */
async function find(id: string, prefix: string | undefined, signal: AbortSignal): Promise<Found> {
  try {
    // The path is a template of the contract, so its place is filled here.
    const path = `/node/${encodeURIComponent(id)}` as "/node/{id}";
    return { node: (await get(path, { prefix }, { signal })) as Node };
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.status !== NOT_FOUND) throw thrown;
    const { peers } = (await get("/network", { prefix }, { signal })) as Network;
    const peer = peers.find((one) => one.id === id);
    if (!peer)
      throw new Problem(
        NOT_FOUND,
        "unreadable",
        "There is no such node or peer now",
        "it may have left: the list of full nodes shows who left last",
      );
    return { peer };
  }
}

function NodeCards({ node }: { node: Node }) {
  return (
    <div class="stack">
      <section class="card" aria-label="Facts">
        <header>
          <h2>Facts</h2>
          <span class="faint small">
            answered <Time at={node.received_at_ms} />
          </span>
        </header>
        <dl class="facts body">
          <Common one={node} />
          <dt>Network</dt>
          <dd>
            <Prose text={node.network} />
          </dd>
          <dt>Block</dt>
          <dd>
            <Block block={node.best_block} />
          </dd>
          <dt>Oldest it has</dt>
          <dd>
            <Seconds at={node.first_timestamp} />
          </dd>
          <dt>Newest it has</dt>
          <dd>
            <Seconds at={node.latest_timestamp} />
          </dd>
          <dt>Knows</dt>
          <dd>{count(node.known_peers.length)} peers</dd>
        </dl>
      </section>
      <section class="card" aria-label="Its peers">
        <header>
          <h2>Its peers</h2>
          <span class="faint small">{count(node.connected_peers.length)}, as it sees them</span>
        </header>
        <Table
          label="Its peers"
          columns={peerColumns(node.best_block?.height ?? 0).filter(({ title }) => title !== "Seen")}
          rows={node.connected_peers.map((peer) => ({ ...peer, connected_to: [node.id] }))}
          id={({ id }) => id}
        />
      </section>
    </div>
  );
}

function PeerCard({ peer }: { peer: Peer }) {
  return (
    <section class="card" aria-label="Facts">
      <header>
        <h2>Facts</h2>
      </header>
      <dl class="facts body">
        <Common one={peer} />
        <dt>Address</dt>
        <dd>
          <bdi class="mono">{peer.address || "not told"}</bdi>
        </dd>
        <dt>Protocol</dt>
        <dd>
          <Prose text={peer.protocol_version || "not told"} />
        </dd>
        <dt>Block</dt>
        <dd>
          <Block block={peer.peer_best_block} />
        </dd>
        <dt>Synced up to</dt>
        <dd>
          <Block block={peer.synced_block} />
        </dd>
        <dt>Heard</dt>
        <dd>
          <Seconds at={peer.last_message} />
        </dd>
        {peer.warning_flags.length > 0 && (
          <>
            <dt>Warned of</dt>
            <dd>
              <Prose text={peer.warning_flags.join(", ")} />
            </dd>
          </>
        )}
        <dt>Seen by</dt>
        <dd class="row">
          {peer.connected_to.map((id) => (
            <Id key={id} id={id} />
          ))}
        </dd>
      </dl>
    </section>
  );
}

/** What nodes and peers have in common. */
function Common({ one }: { one: Pick<Node, "app_version" | "up_since" | "entrypoints"> }) {
  return (
    <>
      <dt>Version</dt>
      <dd>
        <Prose text={one.app_version || "not told"} />
      </dd>
      <dt>Up for</dt>
      <dd>
        <Since at={one.up_since} />
      </dd>
      <dt>Entry points</dt>
      <dd>
        {one.entrypoints.length === 0 && "none told"}
        {one.entrypoints.map((entry) => (
          <div key={entry}>
            <bdi class="mono">{entry}</bdi>
          </div>
        ))}
      </dd>
    </>
  );
}

function Block({ block }: { block: components["schemas"]["FullNodeBlock"] }) {
  if (!block) return <span class="faint">not told</span>;
  return (
    <>
      {count(block.height)} {block.id && <bdi class="mono small faint wrap">{block.id}</bdi>}
    </>
  );
}
