/** One node of a crawled network: its record read key by key, its neighbours, how it fared. */
import "./crawl-node.css";
import type { components } from "../../api/schema.gen";
import { get } from "../../api/client";
import { ofNow, usePoll } from "../../api/poll";
import { figure } from "../../format/quantity";
import { link, param, parts } from "../../router";
import { type Fact, FactsCard } from "../../ui/facts";
import { Read } from "../../ui/note";
import { Copy, Span, Time } from "../../ui/text";
import { type CrawlNode, NodeBadge, addressOf, shortNode } from "../crawl/node";
import { Curve } from "./curve";
import { Neighbours } from "./neighbours";
import { Contents } from "./record";

/** What the schema adds to a node of a list. */
export type Detail = CrawlNode &
  Pick<components["schemas"]["CrawlNodeDetail"], "network" | "record" | "neighbour_ids" | "history" | "curve">;

const EVERY_MS = 5000;

export default function CrawlNodePage() {
  const id = parts.value[1] ?? "";
  const network = param("network") || undefined;
  const poll = ofNow(
    usePoll(
      `${network} ${id}`,
      EVERY_MS,
      async (signal) => (await get("/crawl/node", { network, id }, { signal })) as Detail,
    ),
  );
  const node = poll.data;
  return (
    <>
      <header class="head">
        <div class="title">
          <a class="crumb" href={link("crawl", { network })}>
            Crawl{network && ` of ${network}`}
          </a>
          <div class="row">
            <h1 class="mono">{shortNode(id)}</h1>
            {node && <NodeBadge node={node} />}
          </div>
          <div class="row small faint">
            <span class="mono node-id">{id}</span>
            <Copy text={id} what="Node id" />
          </div>
        </div>
      </header>
      <Read poll={poll} lines={10}>
        {(node) => <Whole node={node} />}
      </Read>
    </>
  );
}

function Whole({ node }: { node: Detail }) {
  return (
    <div class="node-grid">
      <div class="stack">
        <Contents record={node.record} enr={node.enr} />
        <Neighbours node={node} />
        {node.history.length > 0 && <History node={node} />}
      </div>
      <div class="stack">
        <Facts node={node} />
        {node.curve && node.curve.length > 1 && <Curve values={node.curve} />}
      </div>
    </div>
  );
}

function Facts({ node }: { node: Detail }) {
  const rows: Fact[] = [
    ["Network", <a href={link("crawl", { network: node.network })}>{node.network}</a>],
    ["Address", <bdi class="mono">{addressOf(node) ?? "none in its record"}</bdi>],
    [
      "Client",
      node.client && <a href={link("crawl", { network: node.network, client: node.client })}>{node.client}</a>,
    ],
    [
      "Fork",
      node.fork && (
        <a class="mono" href={link("crawl", { network: node.network, fork: node.fork })}>
          {node.fork}
        </a>
      ),
    ],
    ["Freshness", node.freshness !== undefined && String(node.freshness)],
    ["Missed", node.missed !== undefined && node.missed > 0 && `${node.missed} epochs in a row`],
    ["Round trip", node.rtt_ms !== undefined && `${figure(node.rtt_ms)} ms`],
    ["Up for", node.up_since && <Span from={node.up_since} to={node.gone_at} />],
    ["First answer", node.first_seen && <Time at={node.first_seen} as="full" />],
    ["Last answer", node.last_seen && <Time at={node.last_seen} />],
    ["Last asked", node.last_checked && <Time at={node.last_checked} />],
    ["Left", node.gone_at && <Time at={node.gone_at} as="full" />],
    ["Heard of", node.heard_at && <Time at={node.heard_at} />],
    ["Asked in vain", node.tries !== undefined && `${node.tries} times in a row`],
  ];
  return <FactsCard facts={rows} />;
}

/** More are kept by nobody's wish. */
const MOST_RECORDS = 50;

function History({ node }: { node: Detail }) {
  const newest = [...node.history].reverse().slice(0, MOST_RECORDS);
  return (
    <section class="card" aria-label="Former records">
      <header>
        <h2>Former records</h2>
      </header>
      <ul class="records body">
        {newest.map(({ seq, enr, until }) => (
          <li key={seq}>
            <span class="number">
              seq {seq}{" "}
              <span class="faint small">
                until <Time at={until} as="full" />
              </span>
            </span>
            <span class="row record-text">
              <code class="clip">{enr}</code>
              <Copy text={enr} what={`Record ${seq}`} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
