/** A schema in words: what it is on one line, its members below. References lead to the schemas at the end of the page. */
import type { ComponentChildren } from "preact";
import { type Dict, type Json, dict, list, text } from "./document";
import { Marked } from "./marked";

export function schemaId(name: string): string {
  return `schema-${name}`;
}

/** What is nested deeper than this nobody unfolds. */
const DEEPEST = 6;

export function Shape({
  schema,
  open,
  depth = 0,
}: {
  schema: Json | undefined;
  /** Whether members are shown at once. */ open: boolean;
  depth?: number;
}) {
  if (schema === undefined) return null;
  const own = dict(schema);
  const members = Object.entries(dict(own["properties"]));
  const items = dict(own["items"]);
  const inner = members.length > 0 ? own : Object.keys(dict(items["properties"])).length > 0 ? items : undefined;
  return (
    <>
      <span class="kind">{kindOf(schema)}</span>
      {inner && depth < DEEPEST && (
        <details class="members" open={open}>
          <summary>members</summary>
          <Members schema={inner} depth={depth + 1} />
        </details>
      )}
    </>
  );
}

export function Members({ schema, depth = 0 }: { schema: Dict; depth?: number }) {
  const required = list(schema["required"]).map(text);
  return (
    <dl class="shape">
      {Object.entries(dict(schema["properties"])).map(([name, member]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
            {required.includes(name) && <span class="needed small"> always</span>}
          </dt>
          <dd>
            <Shape schema={member} open={false} depth={depth} />
            {text(dict(member)["description"]) && <Marked text={text(dict(member)["description"])} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** `array of JobSummary, at most 200`, with links. */
function kindOf(schema: Json, deep = 0): ComponentChildren[] {
  if (typeof schema === "boolean") return [schema ? "anything" : "nothing"];
  const own = dict(schema);
  const reference = text(own["$ref"]);
  if (reference) return [<Reference key={reference} name={reference.split("/").at(-1) ?? reference} />];
  if (deep > DEEPEST) return ["…"];
  for (const [key, word] of [
    ["oneOf", " or "],
    ["anyOf", " or "],
    ["allOf", " and "],
  ] as const) {
    const options = list(own[key]).filter(
      (option) => "$ref" in dict(option) || "type" in dict(option) || "const" in dict(option) || "enum" in dict(option),
    );
    if (options.length > 0)
      return options.flatMap((option, place) =>
        place === 0 ? kindOf(option, deep + 1) : [word, ...kindOf(option, deep + 1)],
      );
  }
  if (own["const"] !== undefined) return [<code key="const">{JSON.stringify(own["const"])}</code>];
  if (own["enum"] !== undefined) {
    return list(own["enum"]).flatMap((value, place) => [
      ...(place === 0 ? [] : [" | "]),
      <code key={place}>{JSON.stringify(value)}</code>,
    ]);
  }
  const type = Array.isArray(own["type"]) ? own["type"].map(text).join(" or ") : text(own["type"]) || "anything";
  const bounds = boundsOf(own);
  if (type === "array" && own["items"] !== undefined) return ["list of ", ...kindOf(own["items"], deep + 1), bounds];
  const values = own["additionalProperties"];
  if (type === "object" && values !== undefined && typeof values === "object")
    return ["object of ", ...kindOf(values, deep + 1), bounds];
  return [type, bounds];
}

function Reference({ name }: { name: string }) {
  const show = () => {
    const target = document.getElementById(schemaId(name));
    if (target instanceof HTMLDetailsElement) target.open = true;
    target?.scrollIntoView({ block: "start" });
    target?.querySelector("summary")?.focus({ preventScroll: true });
  };
  return (
    <button type="button" class="button" data-kind="link" onClick={show}>
      {name}
    </button>
  );
}

function boundsOf(schema: Dict): string {
  const words = [
    schema["format"] !== undefined && text(schema["format"]),
    (schema["minimum"] !== undefined || schema["maximum"] !== undefined) &&
      `${text(schema["minimum"])}…${text(schema["maximum"])}`,
    schema["maxLength"] !== undefined && `at most ${text(schema["maxLength"])} characters`,
    schema["maxItems"] !== undefined && `at most ${text(schema["maxItems"])}`,
    schema["pattern"] !== undefined && text(schema["pattern"]),
    schema["default"] !== undefined && `default ${JSON.stringify(schema["default"])}`,
  ].filter(Boolean);
  return words.length > 0 ? `, ${words.join(", ")}` : "";
}
