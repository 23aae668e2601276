/** Who told of whom, read from the GraphML that the API sends: line by line as it comes, and never too much of it. */
import { problemOf } from "../../../api/problem";

export type Vertex = { id: string; client: string; fork: string; freshness: number; address: string };
export type Graph = {
  vertices: Vertex[];
  /** Pairs of places in `vertices`, each pair once, the lower place first. */
  edges: [number, number][];
  /** Whether there were more edges than are kept. */
  thinned: boolean;
};

/** A vertex draws at most so many edges of its own: more are a tangle that shows nothing. */
const EDGES_EACH = 12;
const MOST_BYTES = 64 << 20;

const ID = "([0-9a-f]{64})";
const NODE = new RegExp(`^\\s*<node id="${ID}">(.*)</node>$`);
const EDGE = new RegExp(`^\\s*<edge source="${ID}" target="${ID}"/>$`);
const DATA = /<data key="([a-z0-9_]+)">([^<]*)<\/data>/g;

export async function readGraph(url: string, most: number, signal: AbortSignal): Promise<Graph> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw await problemOf(response);
  const builder = graphBuilder(most);
  let rest = "";
  let bytes = 0;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (!chunk || chunk.done) break;
    bytes += chunk.value.length;
    const lines = (rest + chunk.value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) builder.take(line);
    if (bytes > MOST_BYTES) {
      await reader?.cancel();
      builder.thin();
      break;
    }
  }
  return builder.graph;
}

/** Takes lines; what is neither a node nor an edge of nodes that are there is passed over. */
export function graphBuilder(most: number): { graph: Graph; take: (line: string) => void; thin: () => void } {
  const graph: Graph = { vertices: [], edges: [], thinned: false };
  const places = new Map<string, number>();
  const drawn: number[] = [];
  const pairs = new Set<number>();
  const thin = () => {
    graph.thinned = true;
  };
  const take = (line: string) => {
    const node = NODE.exec(line);
    if (node?.[1]) {
      if (graph.vertices.length >= most) return thin();
      places.set(node[1], graph.vertices.length);
      graph.vertices.push(vertexOf(node[1], node[2] ?? ""));
      return drawn.push(0);
    }
    const edge = EDGE.exec(line);
    const [from, to] = [places.get(edge?.[1] ?? ""), places.get(edge?.[2] ?? "")];
    if (from === undefined || to === undefined || from === to) return;
    if ((drawn[from] ?? 0) >= EDGES_EACH) return thin();
    const pair: [number, number] = from < to ? [from, to] : [to, from];
    const key = pair[0] * most + pair[1];
    if (pairs.has(key)) return;
    pairs.add(key);
    drawn[from] = (drawn[from] ?? 0) + 1;
    graph.edges.push(pair);
  };
  return { graph, take: (line) => void take(line), thin };
}

function vertexOf(id: string, content: string): Vertex {
  const data = new Map<string, string>();
  for (const [, key, value] of content.matchAll(DATA)) data.set(key ?? "", unescaped(value ?? ""));
  const [ip, udp] = [data.get("ip") ?? "", data.get("udp")];
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return {
    id,
    client: data.get("client") ?? "",
    fork: data.get("fork") ?? "",
    freshness: Number(data.get("freshness")) || 0,
    address: udp ? `${host}:${udp}` : host,
  };
}

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}
