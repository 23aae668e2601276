/** Whether everything works, as whoever watches over this collector asks it (`POST /system/alive`). */
import type { components } from "../../api/schema.gen";
import { Problem } from "../../api/problem";
import { usePoll } from "../../api/poll";
import { count } from "../../format/quantity";
import { Read } from "../../ui/note";
import { Badge } from "../../ui/status";
import { type Column, Table } from "../../ui/table";
import { Line } from "../../ui/text";

type Diagnostics = components["schemas"]["Diagnostics"];
type Row = Diagnostics["pools"][string] & { name: string };

const EVERY_MS = 5000;

/** That something does not work is an answer too, with a status of its own. */
async function diagnose(signal: AbortSignal): Promise<Diagnostics> {
  const answer = await fetch("/system/alive", { method: "POST", signal });
  const said = (await answer.json()) as Diagnostics;
  if (!Array.isArray(said.failing))
    throw new Problem(answer.status, "unreadable", "No diagnosis", "the answer is not one of the collector's");
  return said;
}

export function Health() {
  const poll = usePoll("alive", EVERY_MS, diagnose);
  const status = poll.data?.status;
  return (
    <section class="card" aria-label="Health">
      <header>
        <h2>Health</h2>
        {status === "ok" && (
          <Badge news="good" icon="check">
            Everything works
          </Badge>
        )}
        {status === "failing" && (
          <Badge news="bad" icon="failures">
            Something fails
          </Badge>
        )}
      </header>
      <Read poll={poll} lines={3}>
        {({ failing, pools, refused_writes }) => (
          <>
            {failing.length > 0 && (
              <ul class="body failing">
                {failing.map((what) => (
                  <li key={what}>{inWords(what)}</li>
                ))}
              </ul>
            )}
            <Table
              label="Pools"
              columns={COLUMNS}
              rows={Object.entries(pools).map(([name, pool]) => ({ name, ...pool }))}
              id={({ name }) => name}
            />
            {refused_writes !== undefined && (
              <p class="body soft small">
                {count(refused_writes)} late writes of outdated leases were refused over all time: each is one that
                fencing caught.
              </p>
            )}
          </>
        )}
      </Read>
    </section>
  );
}

function inWords(what: string): string {
  if (what === "redis") return "Redis cannot be reached.";
  const pool = /^sanjers:(.*)$/.exec(what)?.[1];
  return pool === undefined ? what : `Pool ${pool} has fewer sanjers than it should.`;
}

const COLUMNS: Column<Row>[] = [
  { title: "Pool", fill: true, cell: ({ name }) => <Line text={name} /> },
  { title: "Sanjers", align: "right", cell: ({ sanjers }) => `${sanjers.alive} of ${sanjers.wanted}` },
  { title: "Slots", rank: 2, align: "right", cell: ({ slots }) => count(slots) },
];
