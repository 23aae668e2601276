/** What pages can tell without a browser: maps, rates, diffs, the configuration, the contract. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { graphBuilder } from "../src/pages/crawl/map/graph.ts";
import { layoutOf } from "../src/pages/crawl/map/layout.ts";
import { type Network, NOTHING, type Watched, after } from "../src/pages/full-nodes/news.ts";
import { filterNow, filtersOf, pageName, pageOf } from "../src/pages/jobs/filter.ts";
import { ratesOf } from "../src/pages/overview/rates.ts";
import { documentOf } from "../src/pages/reference/document.ts";
import { CpuMeter } from "../src/pages/sanjers/cpu.ts";
import { sectionsOf } from "../src/pages/system/sections.ts";

const id = (n: number) => n.toString(16).padStart(64, "0");
const node = (n: number, data = "") => `    <node id="${id(n)}">${data}</node>`;
const edge = (from: number, to: number) => `    <edge source="${id(from)}" target="${id(to)}"/>`;

test("a graph is read line by line, and only what is a node or an edge of nodes", () => {
  const { graph, take } = graphBuilder(10);
  take('<?xml version="1.0"?>');
  take(
    node(
      1,
      '<data key="client">a&lt;b&amp;c</data><data key="ip">::1</data><data key="udp">9000</data><data key="freshness">7</data>',
    ),
  );
  take(node(2));
  for (const line of [edge(1, 2), edge(2, 1), edge(1, 1), edge(1, 3), '<edge source="x" target="y"/>', "<node"])
    take(line);
  assert.deepEqual(graph.edges, [[0, 1]]);
  assert.deepEqual(graph.vertices[0], { id: id(1), client: "a<b&c", fork: "", freshness: 7, address: "[::1]:9000" });
  assert.equal(graph.thinned, false);
});

test("a graph is never larger than what can be drawn", () => {
  const { graph, take } = graphBuilder(50);
  for (let n = 0; n < 60; n += 1) take(node(n));
  for (let to = 1; to < 50; to += 1) take(edge(0, to));
  assert.equal(graph.vertices.length, 50);
  assert.equal(graph.edges.length, 12);
  assert.equal(graph.thinned, true);
});

test("a layout of many nodes ends, with every spot somewhere", () => {
  const many = 2000;
  const edges = Array.from({ length: many * 6 }, (_, n): [number, number] => [n % many, (n * 7 + 1) % many]);
  const layout = layoutOf(
    Array.from({ length: many }, () => 4),
    edges,
  );
  const begin = performance.now();
  while (!layout.run(50)) assert.ok(performance.now() - begin < 8000, "it goes on for ever");
  assert.ok(layout.spots.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)));
});

test("processor time becomes a rate once two readings are far enough apart", () => {
  const meter = new CpuMeter();
  const read = (at: number, cpu_s?: number) => meter.read([{ sanjer: "a", cpu_s }], at);
  read(0, 1);
  assert.equal(meter.rate("a"), undefined);
  read(2000, 2);
  assert.equal(meter.rate("a"), undefined);
  read(4000, 3);
  assert.equal(meter.rate("a"), 0.5);
  read(100_000, 3);
  assert.equal(meter.rate("a"), undefined, "what was long ago says nothing");
  read(104_000);
  assert.equal(meter.rate("a"), undefined, "who says nothing is forgotten");
});

const told = (name: string, data: unknown) => ({ id: "", name, data });
const peer = (n: number, state: string) => ({ id: id(n), state });

test("a network goes on from what has changed, or is read anew", () => {
  const whole = told("network", {
    type: "network",
    revision: 4,
    data: { nodes: [peer(1, "a")], peers: [peer(5, "a"), peer(7, "a")] },
  });
  const diff = (since: number) =>
    told("diff", {
      type: "diff",
      since,
      revision: 5,
      data: { nodes: [], nodes_left: [], peers: [peer(6, "b"), peer(7, "b")], peers_left: [id(5)] },
    });
  const before = after(NOTHING, whole, 1);
  const now = after(before, diff(4), 2);
  assert.deepEqual(
    (now.network as Network).peers.map(({ id, state }) => [Number.parseInt(id, 16), state]),
    [
      [6, "b"],
      [7, "b"],
    ],
  );
  assert.deepEqual([now.revision, now.changedAt, now.torn], [5, 2, 0]);
  const torn: Watched = after(before, diff(3), 2);
  assert.deepEqual([torn.revision, torn.torn], [4, 1]);
});

test("a configuration has the sections of its file", () => {
  assert.deepEqual(sectionsOf({ top: 1, a: { list: [1], b: { c: "x" } }, empty: {} }), [
    ["", [{ key: "top", value: "1" }]],
    ["a", [{ key: "list", value: "[1]" }]],
    ["a.b", [{ key: "c", value: '"x"' }]],
  ]);
});

test("every operation of the contract is in the reference, with what it refers to", async () => {
  const yaml = parse(await readFile(new URL("../../openapi.yaml", import.meta.url), "utf8"));
  const document = documentOf(yaml);
  const shown = document.groups.flatMap(({ operations }) => operations.map(({ method, path }) => `${method} ${path}`));
  const wanted = Object.entries(yaml.paths).flatMap(([path, item]) =>
    ["get", "put", "post"].filter((method) => method in (item as object)).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(shown.toSorted(), wanted.toSorted());
  const list = document.groups.flatMap(({ operations }) => operations).find(({ path }) => path === "/crawl/nodes");
  assert.ok(
    list?.parameters.some(({ name }) => name === "network"),
    "a parameter that is a reference",
  );
  assert.ok(list?.responses.every(([, { description }]) => typeof description === "string"));
});

test("what is no filter is left out, and of two beginnings the later holds", () => {
  const query = (text: string) => new URLSearchParams(text);
  for (const unknown of ["created=3d", "created=toString", "finished=constructor", "status="])
    assert.deepEqual([filtersOf(query(unknown)), filterNow(query(unknown))], [[], {}], unknown);
  const now = Date.UTC(2026, 10, 21, 17);
  const from = (text: string) => filterNow(query(text), now).created_from;
  assert.equal(from("created=1h"), "2026-11-21T16:00:00.000Z");
  assert.equal(from("created=1h&created_from=2026-11-21T15:00:00Z"), "2026-11-21T16:00:00.000Z");
  assert.equal(from("created=1h&created_from=2026-11-21T16:30:00Z"), "2026-11-21T16:30:00Z");
  assert.equal(from("created=1h&created_from=nonsense"), "nonsense", "the API says what is wrong with it");
});

test("a cursor travels with its moment", () => {
  const at = (cursor: string) => pageOf(new URLSearchParams({ cursor }));
  assert.deepEqual(at(pageName("a-b_c", 17)), { cursor: "a-b_c", from: 17 });
  for (const other of ["abc", "x.abc", ".abc", "9999999999999999.abc"])
    assert.deepEqual(at(other), { cursor: other, from: undefined });
  assert.deepEqual(at(""), { cursor: undefined, from: undefined });
});

test("a step that is not over is divided by what has passed of it", () => {
  const at = (now: number) => ratesOf([60, null, 60], [0, 60, 120], 60, now);
  assert.deepEqual(at(180), [1, null, 1]);
  assert.deepEqual(at(150), [1, null, 2]);
  assert.deepEqual(at(121), [1, null, 12], "what has only begun is no burst");
  assert.deepEqual(at(400), [1, null, 1], "what was read long ago stays");
  assert.deepEqual(at(10), [1, null, 1], "a clock that is behind makes no burst");
  assert.deepEqual(ratesOf([4], [10], 2, 10), [2], "short steps are whole");
});
