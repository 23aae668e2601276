// Takes the JSON Schema of a task spec's options out of ../openapi.yaml, so that the form of them is drawn from it.
import { readFile, writeFile } from "node:fs/promises";
import { parse } from "yaml";

const { schemas } = parse(await readFile(new URL("../../openapi.yaml", import.meta.url), "utf8")).components;
const text = JSON.stringify({ ...schemas.Options, $defs: { Label: schemas.Label } }, null, 2);
await writeFile(
  new URL("../src/form/options.gen.json", import.meta.url),
  text.replaceAll("#/components/schemas/", "#/$defs/"),
);
