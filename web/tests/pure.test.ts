/** What can be told without a browser. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parser } from "../src/api/follow.ts";
import { fieldOf, type Schema, variantIn } from "../src/form/schema.ts";
import { bytes, figure, percent, rate } from "../src/format/quantity.ts";
import { cut, webAddress } from "../src/format/safe.ts";
import { absolute, clock, duration, relative } from "../src/format/time.ts";
import { merge } from "../src/ui/held.tsx";

test("durations have two units at most", () => {
  const table: [number, string][] = [
    [0, "0 ms"],
    [0.42, "0.42 ms"],
    [340, "340 ms"],
    [999.4, "999 ms"],
    [1234, "1.2 s"],
    [5000, "5 s"],
    [12_400, "12 s"],
    [60_000, "1 min"],
    [184_000, "3 min 4 s"],
    [3_600_000, "1 h"],
    [7_500_000, "2 h 5 min"],
    [86_400_000 * 3 + 3_600_000 * 4, "3 d 4 h"],
    [Number.NaN, "–"],
  ];
  for (const [ms, text] of table) assert.equal(duration(ms), text);
});

test("times are those of their zone", () => {
  const at = Date.UTC(2026, 10, 21, 17, 4, 41, 123);
  assert.equal(absolute(at, "utc"), "2026-11-21 17:04:41.123 UTC");
  assert.match(absolute(at, "local"), /^2026-11-2\d \d\d:\d\d:41\.123 [+−]\d\d:\d\d$/);
  assert.equal(clock(at, "utc", at + 1000), "17:04:41");
  assert.equal(clock(at, "utc", at + 86_400_000), "11-21 17:04");
  assert.equal(relative(at, at + 12_000), "12 s ago");
  assert.equal(relative(at + 180_000, at), "in 3 min");
  assert.equal(absolute(Number.NaN, "utc"), "–");
});

test("quantities have their units", () => {
  assert.deepEqual([0, 0.0004, 0.041, 4.123, 41.23, 4123].map(figure), [
    "0",
    "< 0.001",
    "0.041",
    "4.1",
    "41.2",
    "4,123",
  ]);
  assert.deepEqual([0, 41.2, 0.31, 0.001].map(rate), ["0 /s", "41.2 /s", "18.6 /min", "3.6 /h"]);
  assert.deepEqual([0, 512, 1434, 241_172_480].map(bytes), ["0 B", "512 B", "1.4 KiB", "230 MiB"]);
  assert.deepEqual([0, 0.0075, 0.5, 1].map(percent), ["0 %", "0.8 %", "50 %", "100 %"]);
});

test("only pages on the web are links", () => {
  for (const text of [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " https://a",
    "data:text/html,x",
    "//a.example",
    "/x",
    "",
    "https://",
  ]) {
    assert.equal(webAddress(text), undefined, text);
  }
  assert.equal(webAddress("https://a.example/x?y"), "https://a.example/x?y");
  assert.equal(cut("abcdef", 3), "abc…");
});

test("events come whole, however the text is cut", () => {
  const text = 'id: 1\nevent: log\ndata: {"a":\ndata: 1}\n\n: a comment\n\r\nid: 2\r\ndata: plain\r\n\r\n';
  const whole = parser()(text);
  assert.deepEqual(whole, [
    { id: "1", name: "log", data: { a: 1 } },
    { id: "2", name: "message", data: "plain" },
  ]);
  for (let at = 1; at < text.length; at += 1) {
    const parse = parser();
    assert.deepEqual([...parse(text.slice(0, at)), ...parse(text.slice(at))], whole, `cut at ${at}`);
  }
});

test("a list keeps its reader's place", () => {
  const row = (id: string, status = "queued") => ({ id, status });
  const id = (one: { id: string }) => one.id;
  const shown = { rows: [row("b"), row("a")], next: "behind a" };
  const fresh = { rows: [row("c"), row("b", "running")], next: "behind b" };
  const moved = merge(shown, fresh, id, false);
  assert.deepEqual([moved.rows, moved.next], [fresh.rows, "behind b"]);
  const held = merge(shown, fresh, id, true);
  assert.deepEqual(held.rows, [row("b", "running"), row("a")]);
  assert.deepEqual([held.waiting, [...held.left], held.next], [1, ["a"], "behind a"]);
  assert.deepEqual(merge({ rows: [] }, fresh, id, true).rows, fresh.rows);
});

test("schemas are read as far as forms need it", () => {
  const root: Schema = {
    $defs: {
      Loop: { $ref: "#/$defs/Loop" },
      Ending: { oneOf: [{ type: "string", const: "fatal", description: "Never." }, { const: "exit" }] },
      Store: {
        oneOf: [
          {
            type: "object",
            properties: { type: { const: "sqlite" }, path: { type: "string" } },
            required: ["type", "path"],
          },
          { type: "object", properties: { type: { const: "postgres" }, url: { type: "string", writeOnly: true } } },
        ],
      },
    },
  };
  const is = (schema: Schema) => {
    const field = fieldOf(schema, root);
    return `${field.kind.is}${field.nullable ? "?" : ""}`;
  };
  assert.equal(is({ type: ["string", "null"], writeOnly: true }), "secret?");
  assert.equal(is({ type: "string", format: "date-phrase" }), "text");
  assert.equal(is({ anyOf: [{ $ref: "#/$defs/Ending" }, { type: "null" }] }), "choice?");
  assert.equal(is({ anyOf: [{ $ref: "#/$defs/Store" }, { type: "null" }] }), "variants?");
  assert.equal(is({ type: "array", items: { type: "integer" } }), "list");
  assert.equal(is({ type: "object", additionalProperties: true }), "json");
  assert.equal(is({ enum: ["a", 1] }), "choice");
  assert.equal(is({ $ref: "#/$defs/Loop" }), "json");
  assert.equal(is({ $ref: "#/$defs/Missing", description: "x" }), "json");
  assert.equal(is({}), "json");
  const { kind } = fieldOf({ $ref: "#/$defs/Store" }, root);
  assert.ok(kind.is === "variants");
  assert.equal(variantIn(kind.variants, { type: "postgres", url: "x" })?.text, "postgres");
  assert.equal(variantIn(kind.variants, { type: "mongo" }), undefined);
});
