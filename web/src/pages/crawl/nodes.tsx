/** The nodes of a network: filtered by what the address says, a page at a time. */
import { get, urlOf } from "../../api/client";
import { usePoll } from "../../api/poll";
import { figure } from "../../format/quantity";
import { param } from "../../router";
import { Icon } from "../../ui/icon";
import { Waiting, useHeld } from "../../ui/held";
import { Empty, Read } from "../../ui/note";
import { CursorPager } from "../../ui/pager";
import { type Column, Table } from "../../ui/table";
import { Line, Time } from "../../ui/text";
import type { Stats } from "./figures";
import { type CrawlNode, NodeBadge, addressOf, nodeHref, shortNode } from "./node";
import { NodeFilters, filterOfNodes } from "./node-filters";

const EVERY_MS = 10_000;
const LIMIT = 50;
const FORMATS = [
  ["nodes.json", "nodes.json"],
  ["csv", "CSV"],
  ["jsonl", "JSON Lines"],
  ["graphml", "GraphML"],
] as const;

/** `turn` rises when something has changed. */
export function Nodes({ network, stats, turn }: { network: string; stats: Stats | undefined; turn: number }) {
  const filter = filterOfNodes();
  const cursor = param("cursor") || undefined;
  const key = JSON.stringify([network, filter, cursor]);
  const read = async (signal: AbortSignal) => {
    const page = await get("/crawl/nodes", { network, ...filter, limit: LIMIT, cursor }, { signal });
    return { rows: page.nodes as readonly CrawlNode[], next: page.cursor };
  };
  const poll = usePoll(key, EVERY_MS, read, turn);
  const held = useHeld(poll.stale ? undefined : poll.data, key, idOf);
  const { state, ...kept } = filter;
  return (
    <section class="card" aria-label="Nodes">
      <NodeFilters stats={stats} />
      <Read poll={poll} lines={8}>
        {() => (
          <>
            <Waiting held={held} />
            {held.rows.length === 0 ? (
              <Empty title="No node is like that" icon="filter">
                {held.next
                  ? "There may be some on the next page."
                  : "Take a filter away, or wait until the crawl has found more."}
              </Empty>
            ) : (
              <Table
                label="Nodes"
                columns={columnsOf(network, state ?? "live")}
                rows={held.rows}
                id={idOf}
                href={({ node_id }) => nodeHref(network, node_id)}
                left={held.left}
                stale={poll.stale}
                keyboard
              />
            )}
            <CursorPager next={held.next} busy={poll.stale}>
              {held.rows.length > 0 && `${held.rows.length} shown, by node id`}
              {(state ?? "live") === "live" && (
                <span class="exports">
                  <Icon name="download" size={13} />
                  {FORMATS.map(([format, text]) => (
                    <a key={format} href={urlOf("/crawl/export", { network, format, ...kept })} download>
                      {text}
                    </a>
                  ))}
                </span>
              )}
            </CursorPager>
          </>
        )}
      </Read>
    </section>
  );
}

function idOf({ node_id }: CrawlNode): string {
  return node_id;
}

function columnsOf(network: string, state: CrawlNode["state"]): Column<CrawlNode>[] {
  const node: Column<CrawlNode> = {
    title: "Node",
    cell: ({ node_id, client }) => (
      <>
        <a class="mono one-line" href={nodeHref(network, node_id)} title={node_id}>
          {shortNode(node_id)}
        </a>
        {client !== null && (
          <div class="faint small client">
            <Line text={client} />
          </div>
        )}
      </>
    ),
  };
  const standing: Column<CrawlNode> = { title: "State", cell: (one) => <NodeBadge node={one} /> };
  const address: Column<CrawlNode> = {
    title: "Address",
    fill: true,
    cell: (one) => <Line text={addressOf(one) ?? "none"} mono />,
  };
  const fork: Column<CrawlNode> = {
    title: "Fork",
    rank: 3,
    cell: (one) => (one.fork === null ? <span class="faint">–</span> : <code>{one.fork}</code>),
  };
  if (state === "candidate") {
    return [
      node,
      standing,
      address,
      fork,
      { title: "Asked in vain", rank: 2, align: "right", cell: ({ tries }) => tries ?? 0 },
      { title: "Heard of", rank: 2, align: "right", cell: ({ heard_at }) => <Time at={heard_at} /> },
    ];
  }
  const last: Column<CrawlNode> =
    state === "gone"
      ? { title: "Left", rank: 2, align: "right", cell: ({ gone_at }) => <Time at={gone_at} /> }
      : { title: "Last answer", rank: 2, align: "right", cell: ({ last_seen }) => <Time at={last_seen} /> };
  return [
    node,
    standing,
    address,
    fork,
    { title: "Freshness", rank: 2, align: "right", cell: ({ freshness }) => freshness ?? "–" },
    { title: "Told of", rank: 3, align: "right", cell: ({ neighbours }) => neighbours ?? "–" },
    {
      title: "Round trip",
      rank: 3,
      align: "right",
      cell: ({ rtt_ms }) => (rtt_ms === undefined ? "–" : `${figure(rtt_ms)} ms`),
    },
    last,
  ];
}
