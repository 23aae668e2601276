/** Full nodes under observation: the nodes that are polled, the peers that they see, and what is wrong with them. */
import "./full-nodes.css";
import { useState } from "preact/hooks";
import { paused } from "../../api/poll";
import { counted } from "../../format/quantity";
import { link, param, setParams } from "../../router";
import { Figure, Figures } from "../../ui/figure";
import { Icon } from "../../ui/icon";
import { Empty, Failed, Loading } from "../../ui/note";
import { Table } from "../../ui/table";
import { Prose, Time } from "../../ui/text";
import { NODE_COLUMNS, fullNodeHref, peerColumns } from "./columns";
import { Gone } from "./gone";
import { useNetwork } from "./live";
import type { Alarm, Network, Watched } from "./news";

export default function FullNodes() {
  const prefix = param("prefix") || undefined;
  const watched = useNetwork(prefix);
  return (
    <>
      <header class="head">
        <h1>Full nodes</h1>
        <Standing watched={watched} />
      </header>
      <Shown watched={watched} />
    </>
  );
}

function Standing({ watched: { stand, revision, changedAt } }: { watched: Watched }) {
  return (
    <span class="soft small">
      {revision > 0 && `Revision ${revision}, `}
      {changedAt !== undefined && (
        <>
          changed <Time at={changedAt} />,{" "}
        </>
      )}
      {paused.value ? "paused" : stand === "live" ? "followed live" : "connecting…"}
    </span>
  );
}

function Shown({ watched }: { watched: Watched }) {
  const { network, alarms, problem, stand } = watched;
  if (stand === "refused" && problem)
    return <Failed problem={problem} onAgain={() => setParams({ prefix: undefined })} />;
  if (!network && alarms === undefined) return <Loading lines={8} />;
  return (
    <div class="stack">
      {alarms && alarms.length > 0 && <Alarms alarms={alarms} />}
      {network ? <Whole network={network} /> : <None />}
    </div>
  );
}

function None() {
  return (
    <Empty title="No full node has answered yet" icon="nodes">
      Begin with a task of the platform <a href={link("new", { platform: "node_status" })}>node_status</a>: it polls
      full nodes, and merges what they say into one Network.
    </Empty>
  );
}

const KINDS: Record<Alarm["kind"], string> = {
  node_silent: "A node is silent",
  node_out_of_sync: "A node is out of sync",
  all_nodes_down: "All nodes are down",
};

function Alarms({ alarms }: { alarms: readonly Alarm[] }) {
  return (
    <ul class="stack troubles" aria-label="Alarms">
      {alarms.map(({ kind, node, text, since }) => (
        <li class="trouble" key={`${kind} ${node}`} data-kind={kind}>
          <Icon name="failures" />
          <span class="alarm-text">
            <strong>{KINDS[kind] ?? kind}</strong>: <Prose text={text} />
          </span>
          <span class="small">
            <Time at={since} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Whole({ network: { nodes, peers } }: { network: Network }) {
  const heights = nodes.map(({ best_block }) => best_block?.height ?? 0);
  const highest = Math.max(0, ...heights);
  const behind = nodes.filter(({ best_block }) => best_block && best_block.height < highest).length;
  const ready = nodes.filter(({ state }) => state === "READY").length;
  return (
    <>
      <Figures label="The Network">
        <Figure title="Nodes" note={`${ready} of them ready`}>
          {nodes.length}
        </Figure>
        <Figure title="Peers" note="that they are connected to">
          {peers.length}
        </Figure>
        <Figure title="Highest block" note={behind === 0 ? "all nodes have it" : `${counted(behind, "node")} behind`}>
          {highest > 0 ? highest.toLocaleString("en-US") : "–"}
        </Figure>
        <Figure title="Peers warned of" note="by a node">
          {peers.filter(({ warning_flags }) => warning_flags.length > 0).length}
        </Figure>
      </Figures>
      <section class="card" aria-label="Nodes">
        <header>
          <h2>Nodes</h2>
        </header>
        <Table
          label="Nodes"
          columns={NODE_COLUMNS}
          rows={nodes}
          id={({ id }) => id}
          href={({ id }) => fullNodeHref(id)}
        />
      </section>
      <Peers network={{ nodes, peers }} highest={highest} />
      <Gone />
    </>
  );
}

const PAGE = 50;

function Peers({ network: { peers }, highest }: { network: Network; highest: number }) {
  const [shown, setShown] = useState(PAGE);
  const words = param("q").toLowerCase();
  const fitting = words
    ? peers.filter(({ id, address, app_version, state, entrypoints }) =>
        [id, address, app_version, state, ...entrypoints].some((text) => text.toLowerCase().includes(words)),
      )
    : peers;
  return (
    <section class="card" aria-label="Peers">
      <header>
        <h2>Peers</h2>
        <input
          class="input peer-filter"
          type="search"
          aria-label="Peers that contain"
          placeholder="id, address, version…"
          maxLength={200}
          value={param("q")}
          onInput={(event) => setParams({ q: event.currentTarget.value }, "replace")}
        />
      </header>
      {fitting.length === 0 ? (
        <Empty title="No peer is like that" icon="filter" />
      ) : (
        <Table
          label="Peers"
          columns={peerColumns(highest)}
          rows={fitting.slice(0, shown)}
          id={({ id }) => id}
          href={({ id }) => fullNodeHref(id)}
          keyboard
        />
      )}
      {fitting.length > shown && (
        <footer class="pager">
          <span class="number">
            {shown} of {fitting.length}
          </span>
          <button type="button" class="button" onClick={() => setShown(shown + 4 * PAGE)}>
            More
          </button>
        </footer>
      )}
    </section>
  );
}
