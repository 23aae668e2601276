/** The parts of an OpenAPI document that are shown; its parser is read when it is wanted. */
import { problemOf } from "../../api/problem";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Dict = { [key: string]: Json };

export type Operation = {
  method: string;
  path: string;
  operationId: string;
  summary: string;
  description: string;
  parameters: Dict[];
  body: Dict | undefined;
  responses: [string, Dict][];
};
export type Document = {
  title: string;
  version: string;
  description: string;
  groups: { tag: string; description: string; operations: Operation[] }[];
  schemas: [string, Json][];
  /** What a `$ref` stands for, whatever else is given as it is. */
  resolve: (value: Json | undefined) => Dict;
};

const METHODS = ["get", "put", "post", "delete", "patch"];

export async function readDocument(signal: AbortSignal): Promise<Document> {
  const [{ parse }, answer] = await Promise.all([import("yaml"), fetch("/openapi.yaml", { signal })]);
  if (!answer.ok) throw await problemOf(answer);
  return documentOf(parse(await answer.text()) as Json);
}

export function documentOf(root: Json): Document {
  const resolve = (value: Json | undefined): Dict => {
    let found = value;
    // A reference to a reference is enough; a ring of them ends here.
    for (let hops = 0; hops < 5 && typeof dict(found)["$ref"] === "string"; hops += 1)
      found = pointed(root, text(dict(found)["$ref"]));
    return dict(found);
  };
  const operations = Object.entries(dict(dict(root)["paths"])).flatMap(([path, item]) =>
    METHODS.filter((method) => method in dict(item)).map((method) => operationOf(method, path, dict(item), resolve)),
  );
  const info = dict(dict(root)["info"]);
  const tags = list(dict(root)["tags"]).map(dict);
  const groups = tags.map((tag) => ({
    tag: text(tag["name"]),
    description: text(tag["description"]),
    operations: operations.filter(({ tags: own }) => own.includes(text(tag["name"]))),
  }));
  return {
    title: text(info["title"]),
    version: text(info["version"]),
    description: text(info["description"]),
    groups: groups.filter(({ operations: some }) => some.length > 0),
    schemas: Object.entries(dict(dict(dict(root)["components"])["schemas"])),
    resolve,
  };
}

function operationOf(
  method: string,
  path: string,
  item: Dict,
  resolve: Document["resolve"],
): Operation & { tags: string[] } {
  const own = dict(item[method]);
  return {
    method,
    path,
    operationId: text(own["operationId"]) || `${method} ${path}`,
    summary: text(own["summary"]),
    description: text(own["description"]),
    parameters: [...list(item["parameters"]), ...list(own["parameters"])].map(resolve),
    body: own["requestBody"] === undefined ? undefined : resolve(own["requestBody"]),
    responses: Object.entries(dict(own["responses"])).map(([status, response]) => [status, resolve(response)]),
    tags: list(own["tags"]).map(text),
  };
}

function pointed(root: Json, reference: string): Json {
  const steps = reference.replace(/^#\//, "").split("/");
  return steps.reduce<Json>((at, step) => dict(at)[step.replaceAll("~1", "/").replaceAll("~0", "~")] ?? null, root);
}

export function dict(value: Json | undefined): Dict {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

export function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : String(value);
}
