/** Full nodes and their peers as rows. */
import { count } from "../../format/quantity";
import { link, param } from "../../router";
import { Badge } from "../../ui/status";
import type { Column } from "../../ui/table";
import { Line, Span, Time, shortId } from "../../ui/text";
import type { FullNode, Peer } from "./news";

export function fullNodeHref(id: string): string {
  return link(`full-nodes/${id}`, { prefix: param("prefix") });
}

export function Id({ id }: { id: string }) {
  return (
    <a class="mono one-line" href={fullNodeHref(id)} title={id}>
      {shortId(id)}
    </a>
  );
}

/** What the node said, in its own words. */
export function State({ state }: { state: string }) {
  const news = state === "READY" ? "good" : state === "INITIALIZING" ? "live" : "warn";
  return (
    <Badge news={news} icon={news === "good" ? "check" : news === "live" ? "run" : "help"}>
      {state.slice(0, 40) || "unknown"}
    </Badge>
  );
}

/** Seconds since 1970, which may be unknown. */
export function Seconds({ at }: { at: number | null | undefined }) {
  return <Time at={at === null || at === undefined ? undefined : at * 1000} />;
}

/** Since when, in seconds since 1970. */
export function Since({ at }: { at: number | null }) {
  return <Span from={at === null ? undefined : isoOf(at)} to={undefined} />;
}

/** No time at all is told as 0 or as something that no date can be. */
function isoOf(seconds: number): string | undefined {
  const at = new Date(seconds * 1000);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

export const NODE_COLUMNS: Column<FullNode>[] = [
  { title: "Node", cell: ({ id }) => <Id id={id} /> },
  { title: "State", cell: ({ state }) => <State state={state} /> },
  { title: "Reached at", fill: true, cell: ({ entrypoints }) => <Line text={entrypoints[0] ?? "not told"} mono /> },
  { title: "Version", rank: 2, cell: ({ app_version }) => <Line text={app_version} /> },
  { title: "Network", rank: 3, cell: ({ network }) => <Line text={network} /> },
  {
    title: "Block",
    rank: 2,
    align: "right",
    cell: ({ best_block }) => (best_block ? count(best_block.height) : <span class="faint">–</span>),
  },
  {
    title: "Peers",
    align: "right",
    cell: ({ connected_peers, peer_count }) => count(Math.max(connected_peers.length, peer_count ?? 0)),
  },
  { title: "Newest", rank: 3, align: "right", cell: ({ latest_timestamp }) => <Seconds at={latest_timestamp} /> },
  { title: "Up for", rank: 2, align: "right", cell: ({ up_since }) => <Since at={up_since} /> },
];

/** `highest`: the highest block that a node has. */
export function peerColumns(highest: number): Column<Peer>[] {
  return [
    { title: "Peer", cell: ({ id }) => <Id id={id} /> },
    { title: "State", cell: (peer) => <PeerState peer={peer} /> },
    {
      title: "Address",
      fill: true,
      cell: ({ address, entrypoints }) => <Line text={address || entrypoints[0] || "not told"} mono />,
    },
    {
      title: "Version",
      rank: 2,
      cell: ({ app_version, protocol_version }) => (
        <span title={protocol_version}>
          <Line text={app_version || protocol_version} />
        </span>
      ),
    },
    {
      title: "Block",
      rank: 2,
      align: "right",
      cell: ({ peer_best_block }) =>
        peer_best_block ? <Height height={peer_best_block.height} highest={highest} /> : <span class="faint">–</span>,
    },
    {
      title: "Seen",
      align: "right",
      cell: ({ connected_to }) => `by ${connected_to.length} ${connected_to.length === 1 ? "node" : "nodes"}`,
    },
    { title: "Connected for", rank: 3, align: "right", cell: ({ up_since }) => <Since at={up_since} /> },
    { title: "Heard", rank: 3, align: "right", cell: ({ last_message }) => <Seconds at={last_message} /> },
  ];
}

function PeerState({ peer: { state, warning_flags } }: { peer: Peer }) {
  return (
    <span class="row">
      <State state={state} />
      {warning_flags.length > 0 && (
        <span title={warning_flags.join(", ").slice(0, 500)}>
          <Badge news="warn" icon="failures">
            {warning_flags.length === 1 ? "warned of" : `${warning_flags.length} warnings`}
          </Badge>
        </span>
      )}
    </span>
  );
}

function Height({ height, highest }: { height: number; highest: number }) {
  return (
    <>
      {count(height)}
      {height < highest && <div class="faint small">{count(highest - height)} behind</div>}
    </>
  );
}
