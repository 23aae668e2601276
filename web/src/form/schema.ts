/**
 * Reads JSON Schema 2020-12, as far as forms need it: what a value is, not everything that holds of it. What is left out
 * here the API checks, and its complaints are shown where they belong.
 */

export type Schema = {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly writeOnly?: boolean;
};

export type Choice = { value: unknown; text: string; description?: string | undefined };
export type Member = { name: string; required: boolean; schema: Schema };
export type Variant = { text: string; description: string | undefined; schema: Schema; fixed: Record<string, unknown> };

/** What a value is, and so how it is asked for. */
export type Kind =
  | { is: "text"; format: "plain" | "long" | "uri" | "date-phrase" | "date-time" }
  | { is: "secret" }
  | { is: "number"; whole: boolean }
  | { is: "flag" }
  | { is: "choice"; choices: Choice[] }
  | { is: "object"; members: Member[] }
  | { is: "list"; item: Schema }
  | { is: "variants"; variants: Variant[] }
  | { is: "json" };

/** A value's schema with what stands where its references lead. */
export type Field = Schema & { kind: Kind; nullable: boolean };

/** References that lead to each other end somewhere. */
const MOST_STEPS = 20;
/** Longer texts get more lines. */
const LONG = 2000;

export function fieldOf(schema: Schema, root: Schema): Field {
  const [plain, nullable] = withoutNull(resolved(schema, root), root);
  return { ...plain, kind: kindOf(plain, root), nullable };
}

function kindOf(schema: Schema, root: Schema): Kind {
  const options = schema.oneOf ?? schema.anyOf;
  if (options) {
    const all = options.map((option) => resolved(option, root));
    if (all.every((option) => "const" in option)) return { is: "choice", choices: all.map(choiceOf) };
    if (all.every((option) => typeOf(option) === "object"))
      return { is: "variants", variants: all.map((option, place) => variantOf(option, place, root)) };
    return { is: "json" };
  }
  if (schema.enum) return { is: "choice", choices: schema.enum.map((value) => ({ value, text: String(value) })) };
  switch (typeOf(schema)) {
    case "string":
      return schema.writeOnly ? { is: "secret" } : { is: "text", format: formatOf(schema) };
    case "integer":
      return { is: "number", whole: true };
    case "number":
      return { is: "number", whole: false };
    case "boolean":
      return { is: "flag" };
    case "array":
      return schema.items ? { is: "list", item: schema.items } : { is: "json" };
    case "object":
      return schema.properties ? { is: "object", members: membersOf(schema) } : { is: "json" };
    default:
      return { is: "json" };
  }
}

/** What a reference leads to; what stands beside it comes first. */
function resolved(schema: Schema, root: Schema): Schema {
  let found = schema;
  for (let step = 0; found.$ref !== undefined && step < MOST_STEPS; step += 1) {
    const { $ref, ...beside } = found;
    found = { ...(at(root, $ref) ?? {}), ...beside };
  }
  return found;
}

function at(root: Schema, reference: string): Schema | undefined {
  if (!reference.startsWith("#/")) return undefined;
  const names = reference
    .slice(2)
    .split("/")
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce<unknown>((place, name) => (place as Record<string, unknown> | undefined)?.[name], root) as
    Schema | undefined;
}

/** Whether null is allowed, and what else. */
function withoutNull(schema: Schema, root: Schema): [Schema, boolean] {
  if (Array.isArray(schema.type) && schema.type.includes("null")) {
    const rest = schema.type.filter((type) => type !== "null");
    return [{ ...schema, type: rest.length === 1 ? (rest[0] as string) : rest }, true];
  }
  for (const key of ["anyOf", "oneOf"] as const) {
    const options = schema[key];
    if (!options?.some((option) => option.type === "null")) continue;
    const rest = options.filter((option) => option.type !== "null");
    const { [key]: _, ...beside } = schema;
    const only = rest.length === 1 && rest[0] ? resolved(rest[0], root) : { [key]: rest };
    return [{ ...only, ...beside }, true];
  }
  return [schema, false];
}

function typeOf(schema: Schema): string | undefined {
  return typeof schema.type === "string" ? schema.type : schema.properties ? "object" : undefined;
}

function formatOf(schema: Schema): "plain" | "long" | "uri" | "date-phrase" | "date-time" {
  if (schema.format === "uri" || schema.format === "date-phrase" || schema.format === "date-time") return schema.format;
  return (schema.maxLength ?? 0) > LONG ? "long" : "plain";
}

function choiceOf(schema: Schema): Choice {
  return { value: schema.const, text: String(schema.const), description: schema.description };
}

function membersOf(schema: Schema): Member[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, member]) => ({
    name,
    required: required.has(name),
    schema: member,
  }));
}

/** A variant is told from the others by the members that can have one value only. */
function variantOf(schema: Schema, place: number, root: Schema): Variant {
  const fixed: Record<string, unknown> = {};
  for (const { name, schema: member } of membersOf(schema)) {
    const { const: value } = resolved(member, root);
    if (value !== undefined) fixed[name] = value;
  }
  const text = Object.values(fixed).map(String).join(", ") || `variant ${place + 1}`;
  return { text, description: schema.description, schema, fixed };
}

/** Which variant a value is of. */
export function variantIn(variants: readonly Variant[], value: unknown): Variant | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const members = value as Record<string, unknown>;
  return variants.find(({ fixed }) => Object.entries(fixed).every(([name, one]) => members[name] === one));
}

/** A member's name as part of a JSON pointer. */
export function pointer(parent: string, name: string | number): string {
  return `${parent}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
