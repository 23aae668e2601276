/** Every schema by its name. */
import { useState } from "preact/hooks";
import { counted } from "../../format/quantity";
import { type Document, type Json, dict, list, text } from "./document";
import { Marked } from "./marked";
import { Members, Shape, schemaId } from "./shape";

/** The schemas stay in the page also while a search hides them: operations lead to them. */
export function Schemas({ document, words }: { document: Document; words: string }) {
  const shown = document.schemas.filter(([name]) => !words || name.toLowerCase().includes(words));
  const hidden = document.schemas.filter(([name]) => words && !name.toLowerCase().includes(words));
  return (
    <section class="card" aria-label="Schemas">
      <header>
        <h2>Schemas</h2>
        <span class="faint small">{counted(shown.length, "schema")}</span>
      </header>
      {[...shown, ...hidden].map(([name, schema]) => (
        <Schema key={name} name={name} schema={schema} unseen={!shown.some(([one]) => one === name)} />
      ))}
    </section>
  );
}

function Schema({ name, schema, unseen }: { name: string; schema: Json; unseen: boolean }) {
  const [open, setOpen] = useState(false);
  const own = dict(schema);
  return (
    <details
      class="operation folds"
      id={schemaId(name)}
      open={open}
      hidden={unseen && !open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <code class="path">{name}</code>
        <span class="soft">{text(own["description"]).trim().split("\n")[0]}</span>
      </summary>
      {open && (
        <div class="body stack">
          {text(own["description"]) && <Marked text={text(own["description"])} />}
          <div>
            <Shape schema={{ ...own, properties: {} }} open={false} />
            <Members schema={own} />
            {list(own["allOf"]).map((part, place) => (
              <Members key={place} schema={dict(part)} />
            ))}
          </div>
        </div>
      )}
    </details>
  );
}
