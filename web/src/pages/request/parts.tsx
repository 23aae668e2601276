/** Every provider of a request, in the order of its post. */
import { bytes } from "../../format/quantity";
import { duration } from "../../format/time";
import { param, setParams } from "../../router";
import { type Column, Table } from "../../ui/table";
import { Line, Prose, Time } from "../../ui/text";
import { LookBadge, PART_LOOKS, type Part, type Request } from "../requests/looks";

export function Parts({ request }: { request: Request }) {
  return (
    <section class="card" aria-label="Providers">
      <header>
        <h2>Providers</h2>
      </header>
      <Table label="Providers" columns={COLUMNS} rows={request.jobs} id={({ provider }) => provider} />
    </section>
  );
}

const COLUMNS: Column<Part>[] = [
  {
    title: "Provider",
    cell: ({ provider, url }) => (
      <div class="part-name">
        <Line text={provider} />
        {url !== provider && (
          <div class="faint small">
            <Line text={url} mono />
          </div>
        )}
      </div>
    ),
  },
  { title: "State", cell: ({ status }) => <LookBadge look={PART_LOOKS[status]} /> },
  { title: "What came of it", fill: true, cell: (part) => <Outcome part={part} /> },
  { title: "HTTP", rank: 2, align: "right", cell: ({ httpStatus }) => httpStatus ?? <span class="faint">–</span> },
  { title: "Attempts", rank: 2, align: "right", cell: ({ attempts }) => attempts },
  {
    title: "Took",
    rank: 2,
    align: "right",
    cell: ({ durationMs }) => (durationMs === undefined ? <span class="faint">–</span> : duration(durationMs)),
  },
];

function Outcome({ part: { provider, error, nextAttemptAt, result } }: { part: Part }) {
  if (result) {
    const open = param("provider") === provider;
    return (
      <button
        type="button"
        class="button small"
        aria-pressed={open}
        onClick={() => setParams({ provider: open ? undefined : provider }, "replace")}
      >
        {open ? "Hide the answer" : "Show the answer"} <span class="faint">{bytes(result.bytes)}</span>
      </button>
    );
  }
  return (
    <>
      {error && (
        <div>
          <Prose text={error.message} /> <span class="faint small mono">{error.code}</span>
        </div>
      )}
      {nextAttemptAt && (
        <div class="soft small">
          asked again <Time at={nextAttemptAt} />
        </div>
      )}
    </>
  );
}
