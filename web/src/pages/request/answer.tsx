/** What a provider answered, by its type; never more than a reader can look at. */
import type { components } from "../../api/schema.gen";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { bytes, count } from "../../format/quantity";
import { cut } from "../../format/safe";
import { setParams } from "../../router";
import { IconButton } from "../../ui/icon-button";
import { Json } from "../../ui/json";
import { Read } from "../../ui/note";
import { Table } from "../../ui/table";
import { Line } from "../../ui/text";
import type { Part } from "../requests/looks";

type Content = components["schemas"]["ProviderContent"];

const LONGEST_TEXT = 20_000;
const MOST_ROWS = 100;
const MOST_COLUMNS = 12;

export function AnswerCard({ request, part }: { request: string; part: Part }) {
  const poll = usePoll(
    `${request} ${part.provider}`,
    0,
    async (signal) =>
      (await get("/request", { id: request, provider: part.provider }, { signal, exact: true })) as Content,
  );
  return (
    <section class="card" aria-label="Answer">
      <header>
        <h2 class="answer-of">
          <Line text={`Answer of ${part.provider}`} />
        </h2>
        <span class="soft small">
          {poll.data && `${KINDS[poll.data.kind]}, `}
          {bytes(part.result?.bytes ?? 0)}
        </span>
        <IconButton
          icon="close"
          label="Close the answer"
          onClick={() => setParams({ provider: undefined }, "replace")}
        />
      </header>
      <Read poll={poll}>{(content) => <Shown content={content} />}</Read>
    </section>
  );
}

const KINDS: Record<Content["kind"], string> = {
  json: "JSON",
  text: "text",
  ndjson: "lines of JSON",
  csv: "a table",
  bytes: "bytes",
};

function Shown({ content: { kind, value } }: { content: Content }) {
  if (kind === "csv" && Array.isArray(value))
    return <Rows rows={value.map((row) => (Array.isArray(row) ? row.map(String) : [String(row)]))} />;
  if (kind === "text" || kind === "bytes") {
    const text = String(value);
    return (
      <div class="body stack">
        {kind === "bytes" && <p class="soft">In base64:</p>}
        <pre class="wrap pane" tabIndex={0}>
          <bdi>{cut(text, LONGEST_TEXT)}</bdi>
        </pre>
        {text.length > LONGEST_TEXT && (
          <p class="soft">{count(text.length - LONGEST_TEXT)} more letters are not shown.</p>
        )}
      </div>
    );
  }
  return (
    <div class="body">
      <Json value={value} />
    </div>
  );
}

function Rows({ rows: [head = [], ...rows] }: { rows: string[][] }) {
  const shown = rows.slice(0, MOST_ROWS).map((cells, n) => ({ n, cells }));
  const columns = head.slice(0, MOST_COLUMNS).map((title, place) => ({
    title: cut(title, 60) || `column ${place + 1}`,
    cell: ({ cells }: { cells: string[] }) => <Line text={cells[place] ?? ""} />,
  }));
  const left = [
    rows.length > MOST_ROWS && `${count(rows.length - MOST_ROWS)} rows`,
    head.length > MOST_COLUMNS && `${head.length - MOST_COLUMNS} columns`,
  ].filter(Boolean);
  return (
    <>
      <Table label="Answer" columns={columns} rows={shown} id={({ n }) => String(n)} />
      {left.length > 0 && <p class="pager soft">{left.join(" and ")} more are not shown.</p>}
    </>
  );
}
