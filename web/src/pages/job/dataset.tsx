/** Rows that a job kept, as a table, and as files. */
import { get, urlOf } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count } from "../../format/quantity";
import { param, setParams } from "../../router";
import { Icon } from "../../ui/icon";
import { Json } from "../../ui/json";
import { Empty, Read } from "../../ui/note";
import { isTerminal } from "../../ui/status";
import { Table } from "../../ui/table";
import { Line } from "../../ui/text";
import type { Job } from "./live";

const LIMIT = 50;
/** A table of more columns is no help; the files have all of them. */
const MOST_COLUMNS = 12;
const EVERY_MS = 3000;

type Row = { n: number; value: unknown };

export function Dataset({ job, name }: { job: Job; name: "original" | "processed" }) {
  const offset = Math.max(0, Number(param("offset")) || 0);
  const every = isTerminal(job.status) ? 0 : EVERY_MS;
  const poll = usePoll(`${job.job_id} ${name} ${offset} ${job.status}`, every, (signal) =>
    get("/execution/dataset", { job_id: job.job_id, name, offset, limit: LIMIT }, { signal, exact: true }),
  );
  const file = (format: string) => urlOf("/execution/dataset", { job_id: job.job_id, name, format });
  return (
    <Read poll={poll}>
      {(page) => {
        if (page.total === 0) return <Empty title="No rows">This job has kept no {name} rows.</Empty>;
        const rows = page.rows.map((value, place): Row => ({ n: page.offset + place + 1, value }));
        return (
          <>
            <div class="log-bar">
              <span class="soft number">
                Rows {count(page.offset + 1)} to {count(page.offset + rows.length)} of {count(page.kept)}
                {page.truncated && <>; {count(page.total - page.kept)} more were over the limit and dropped</>}
              </span>
              <a class="button" href={file("jsonl")} download>
                <Icon name="download" /> JSON Lines
              </a>
              <a class="button" href={file("csv")} download>
                <Icon name="download" /> CSV
              </a>
            </div>
            <Rows rows={rows} label={`${name} rows`} stale={poll.stale} />
            <div class="pager">
              <span />
              <button
                type="button"
                class="button"
                disabled={offset === 0}
                onClick={() => setParams({ offset: String(Math.max(0, offset - LIMIT) || "") }, "replace")}
              >
                <Icon name="back" /> Rows before
              </button>
              <button
                type="button"
                class="button"
                disabled={page.next_offset === undefined}
                onClick={() => setParams({ offset: String(page.next_offset) }, "replace")}
              >
                Next rows <Icon name="next" />
              </button>
            </div>
          </>
        );
      }}
    </Read>
  );
}

function Rows({ rows, label, stale }: { rows: Row[]; label: string; stale: boolean }) {
  const keys = keysOf(rows);
  const shown = keys.slice(0, MOST_COLUMNS);
  const columns = [
    { title: "#", cell: (row: Row) => <span class="faint">{row.n}</span> },
    ...shown.map((key) => ({
      title: key,
      ...(shown.length === 1 ? { fill: true as const } : {}),
      cell: (row: Row) => <Cell value={(row.value as Record<string, unknown> | null)?.[key]} />,
    })),
    ...(shown.length === 0 || keys.length > shown.length
      ? [
          {
            title: shown.length === 0 ? "Value" : `${keys.length - shown.length} more`,
            cell: (row: Row) => <Json value={row.value} open={0} />,
          },
        ]
      : []),
  ];
  return <Table label={label} columns={columns} rows={rows} id={(row) => String(row.n)} stale={stale} />;
}

function keysOf(rows: Row[]): string[] {
  const keys = new Set<string>();
  for (const { value } of rows) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
    for (const key of Object.keys(value)) keys.add(key);
  }
  return [...keys];
}

function Cell({ value }: { value: unknown }) {
  if (value === undefined) return <span class="faint">–</span>;
  if (typeof value === "string") return <Line text={value} />;
  if (value !== null && typeof value === "object") return <Json value={value} open={0} />;
  return <span class="mono">{String(value)}</span>;
}
