/** The topology as a picture: every node up to a bound, clients as wholes above it. The list of nodes says the same in words. */
import { useMemo } from "preact/hooks";
import { urlOf } from "../../../api/client";
import { usePoll } from "../../../api/poll";
import { count, counted } from "../../../format/quantity";
import { link, param, setParams } from "../../../router";
import { Icon } from "../../../ui/icon";
import { Empty, Read } from "../../../ui/note";
import type { Stats } from "../figures";
import type { CrawlEvent } from "../feed";
import { nodeHref, shortNode } from "../node";
import { type Graph, type Vertex, readGraph } from "./graph";
import { Canvas, type Drawing } from "./canvas";

export type MapProps = {
  network: string;
  stats: Stats;
  /** What became of nodes since the page was opened. */
  changes: ReadonlyMap<string, CrawlEvent["type"]>;
};

/** Above it single nodes are dust. */
const MOST = 2000;
/** Of more, each is smaller. */
const CROWD = 500;

export default function NetworkMap(props: MapProps) {
  if (props.stats.nodes === 0) {
    return (
      <Empty title="Nobody is there" icon="network">
        The map shows live nodes; there are none now.
      </Empty>
    );
  }
  return props.stats.nodes > MOST ? <Wholes {...props} /> : <Single {...props} />;
}

const COLOURINGS = [
  ["client", "Client"],
  ["fork", "Fork"],
  ["freshness", "Freshness"],
] as const;
type Colouring = (typeof COLOURINGS)[number][0];

function Single({ network, changes }: MapProps) {
  const poll = usePoll(network, 0, (signal) =>
    readGraph(urlOf("/crawl/export", { network, format: "graphml" }), MOST, signal),
  );
  const by: Colouring = COLOURINGS.find(([one]) => one === param("by"))?.[0] ?? "client";
  return (
    <section class="card" aria-label="Map">
      <header>
        <h2>Who told of whom</h2>
        <div class="segments" role="group" aria-label="Colour by">
          {COLOURINGS.map(([one, text]) => (
            <button
              type="button"
              key={one}
              aria-pressed={one === by}
              onClick={() => setParams({ by: one === "client" ? undefined : one }, "replace")}
            >
              {text}
            </button>
          ))}
        </div>
        <button type="button" class="button" onClick={poll.refresh}>
          <Icon name="again" /> Draw anew
        </button>
      </header>
      <Read poll={poll} lines={10}>
        {(graph) => <Drawn network={network} graph={graph} by={by} changes={changes} />}
      </Read>
    </section>
  );
}

function Drawn({
  network,
  graph,
  by,
  changes,
}: {
  network: string;
  graph: Graph;
  by: Colouring;
  changes: MapProps["changes"];
}) {
  const { groups, groupOf } = useMemo(() => grouped(graph.vertices, by), [graph, by]);
  const degree = useMemo(() => degrees(graph), [graph]);
  const drawing: Drawing = {
    key: graph,
    radii: degree.map((many) => (graph.vertices.length > CROWD ? 2 : 3) + Math.min(5, Math.sqrt(many) * 0.5)),
    edges: graph.edges,
    colours: graph.vertices.map((vertex) => (changes.get(vertex.id) === "gone" ? 0 : groupOf(vertex))),
    href: (place) => nodeHref(network, graph.vertices[place]?.id ?? ""),
    title: (place) => titleOf(graph.vertices[place], degree[place] ?? 0),
  };
  const known = new Set(graph.vertices.map(({ id }) => id));
  const found = [...changes].filter(([id, type]) => type === "found" && !known.has(id)).length;
  const gone = [...changes].filter(([id, type]) => type === "gone" && known.has(id)).length;
  return (
    <>
      <Canvas
        drawing={drawing}
        label={`Map of ${counted(graph.vertices.length, "node")} and ${counted(graph.edges.length, "edge")}; the part Nodes lists them`}
      />
      <footer class="map-legend">
        {groups.map(({ name, colour, many }) => (
          <span key={name}>
            <i class="blob" style={{ background: `var(--series-${colour})` }} /> <bdi>{name}</bdi>{" "}
            <span class="faint number">{count(many)}</span>
          </span>
        ))}
        <span class="faint map-note">
          {counted(graph.vertices.length, "node")}, {counted(graph.edges.length, "edge")}
          {graph.thinned && " (of more)"}
          {(found > 0 || gone > 0) && (
            <>
              ; since it was drawn {found} found, {gone} gone (hollow)
            </>
          )}
        </span>
      </footer>
    </>
  );
}

type Group = { name: string; colour: number; many: number };

/** Up to five groups with colours of their own, and all others with the sixth. */
function grouped(vertices: Vertex[], by: Colouring): { groups: Group[]; groupOf: (vertex: Vertex) => number } {
  const nameOf = (vertex: Vertex) => (by === "freshness" ? freshness(vertex.freshness) : vertex[by] || "not said");
  const counts = new Map<string, number>();
  for (const vertex of vertices) counts.set(nameOf(vertex), (counts.get(nameOf(vertex)) ?? 0) + 1);
  const order = [...counts].sort(([one, many], [other, more]) =>
    by === "freshness"
      ? Number.parseInt(one) - Number.parseInt(other)
      : Number(one === "not said") - Number(other === "not said") || more - many,
  );
  const named = order.filter(([name]) => name !== "not said").slice(0, 5);
  const colours = new Map(named.map(([name], place) => [name, place + 1]));
  const rest = order.filter(([name]) => !colours.has(name)).reduce((sum, [, many]) => sum + many, 0);
  const groups = named.map(([name, many]) => ({ name, colour: colours.get(name) ?? 6, many }));
  if (rest > 0)
    groups.push({
      name: named.length + 1 >= order.length && counts.has("not said") ? "not said" : "others",
      colour: 6,
      many: rest,
    });
  return { groups, groupOf: (vertex) => colours.get(nameOf(vertex)) ?? 6 };
}

function freshness(value: number): string {
  return value < 2
    ? "0 to 1"
    : value < 5
      ? "2 to 4"
      : value < 20
        ? "5 to 19"
        : value < 100
          ? "20 to 99"
          : "100 and more";
}

function degrees({ vertices, edges }: Graph): number[] {
  const many = vertices.map(() => 0);
  for (const pair of edges) for (const place of pair) many[place] = (many[place] ?? 0) + 1;
  return many;
}

function titleOf(vertex: Vertex | undefined, degree: number): string {
  if (!vertex) return "";
  return [
    shortNode(vertex.id),
    vertex.client,
    vertex.address,
    vertex.fork,
    `freshness ${vertex.freshness}`,
    counted(degree, "edge"),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Of a large network, each client as a disc: its area is how many nodes it has. */
function Wholes({ network, stats }: MapProps) {
  const parts = useMemo(() => clientsOf(stats), [stats.epoch]);
  const largest = Math.max(1, ...parts.map(([, many]) => many));
  const drawing: Drawing = useMemo(
    () => ({
      key: parts,
      radii: parts.map(([, many]) => 6 + 84 * Math.sqrt(many / largest)),
      edges: [],
      colours: parts.map(([name], place) => (name === "not said" ? 6 : (place % 5) + 1)),
      names: parts.map(([name, many]) => `${name} ${count(many)}`),
      href: (place) =>
        link("crawl", { network, client: parts[place]?.[0] === "not said" ? undefined : parts[place]?.[0] }),
      title: (place) => `${parts[place]?.[0] ?? ""}: ${counted(parts[place]?.[1] ?? 0, "node")}`,
    }),
    [parts],
  );
  return (
    <section class="card" aria-label="Map">
      <header>
        <h2>Clients</h2>
        <span class="faint small">{counted(stats.nodes, "node")}: too many to draw each, so each client is one</span>
      </header>
      <Canvas
        drawing={drawing}
        label={`Clients of ${counted(stats.nodes, "node")}; the part Clients and forks says the same in numbers`}
      />
    </section>
  );
}

function clientsOf({ clients, nodes }: Stats): [string, number][] {
  const said = Object.entries(clients).sort(([, one], [, other]) => other - one);
  const rest = nodes - said.reduce((sum, [, many]) => sum + many, 0);
  return rest > 0 ? [...said, ["not said", rest]] : said;
}
