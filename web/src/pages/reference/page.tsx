/** The HTTP API, drawn from the document that the collector serves. */
import "./reference.css";
import { useState } from "preact/hooks";
import { usePoll } from "../../api/poll";
import { counted } from "../../format/quantity";
import { param, setParams } from "../../router";
import { Icon } from "../../ui/icon";
import { Empty, Read } from "../../ui/note";
import { type Document, type Operation, readDocument } from "./document";
import { Marked } from "./marked";
import { OperationBody } from "./operation";
import { Schemas } from "./schemas";

export default function Reference() {
  const poll = usePoll("openapi", 0, readDocument);
  return (
    <>
      <header class="head">
        <h1>API reference</h1>
        <a class="button" href="/openapi.yaml" download>
          <Icon name="download" /> openapi.yaml
        </a>
      </header>
      <Read poll={poll} lines={10}>
        {(document) => <Whole document={document} />}
      </Read>
    </>
  );
}

function Whole({ document }: { document: Document }) {
  const words = param("q").trim().toLowerCase();
  const fits = ({ path, method, summary, operationId }: Operation) =>
    `${method} ${path} ${summary} ${operationId}`.toLowerCase().includes(words);
  const groups = document.groups
    .map((group) => ({ ...group, operations: group.operations.filter(fits) }))
    .filter(({ operations }) => operations.length > 0);
  return (
    <div class="stack">
      <div class="row">
        <input
          class="input reference-filter"
          type="search"
          aria-label="Operations that contain"
          placeholder="path, method or words…"
          maxLength={200}
          value={param("q")}
          onInput={(event) => setParams({ q: event.currentTarget.value }, "replace")}
        />
        <span class="faint small">
          {counted(
            groups.reduce((sum, { operations }) => sum + operations.length, 0),
            "operation",
          )}
        </span>
      </div>
      {!words && (
        <details class="card">
          <summary>
            <h2>
              {document.title} {document.version}
            </h2>
          </summary>
          <div class="body">
            <Marked text={document.description} />
          </div>
        </details>
      )}
      {groups.length === 0 && <Empty title="No operation is like that" icon="filter" />}
      {groups.map(({ tag, description, operations }) => (
        <section class="card" key={tag} aria-label={tag}>
          <header>
            <h2>{tag}</h2>
            <span class="soft small">{description}</span>
          </header>
          {operations.map((operation) => (
            <Folded key={`${operation.method} ${operation.path}`} operation={operation} document={document} />
          ))}
        </section>
      ))}
      <Schemas document={document} words={words} />
    </div>
  );
}

/** Drawn when it is unfolded, and then kept: there are many. The one of the address is open. */
function Folded({ operation, document }: { operation: Operation; document: Document }) {
  const [open, setOpen] = useState(param("op") === operation.operationId);
  return (
    <details
      class="operation folds"
      open={open}
      onToggle={(event) => {
        const now = event.currentTarget.open;
        if (now !== open) setParams({ op: now ? operation.operationId : undefined }, "replace");
        setOpen(now);
      }}
    >
      <summary>
        <code class="method" data-method={operation.method}>
          {operation.method.toUpperCase()}
        </code>
        <code class="path">{operation.path}</code>
        <span class="soft">{operation.summary}</span>
      </summary>
      {open && <OperationBody operation={operation} document={document} />}
    </details>
  );
}
