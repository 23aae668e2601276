/** What each process that crawls measures of its own work. */
import type { components } from "../../api/schema.gen";
import { count, figure } from "../../format/quantity";
import { duration } from "../../format/time";
import { link } from "../../router";
import { Empty } from "../../ui/note";
import { type Column, Table } from "../../ui/table";
import { shortId } from "../../ui/text";
import type { Stats } from "./figures";

type Work = components["schemas"]["CrawlWork"] & { kind: string };

const KINDS = [
  ["ping", "Is it there?"],
  ["record", "Its newest record"],
  ["neighbours", "Its neighbours"],
] as const;

const COLUMNS: Column<Work>[] = [
  { title: "Question", fill: true, cell: ({ kind }) => kind },
  { title: "Waiting", align: "right", cell: ({ waiting }) => count(waiting) },
  { title: "Running", rank: 2, align: "right", cell: ({ running }) => count(running) },
  { title: "Answered", align: "right", cell: ({ answered }) => count(answered) },
  { title: "In vain", rank: 2, align: "right", cell: ({ unanswered }) => count(unanswered) },
  { title: "Rate", rank: 2, align: "right", cell: ({ per_s }) => `${figure(per_s)} /s` },
  { title: "Mean", rank: 3, align: "right", cell: ({ mean_ms }) => duration(mean_ms) },
  { title: "p99", rank: 3, align: "right", cell: ({ p99_ms }) => duration(p99_ms) },
];

export function Workers({ stats }: { stats: Stats }) {
  const members = Object.entries(stats.members);
  if (members.length === 0) {
    return (
      <Empty title="Nobody crawls it now" icon="sanjers">
        The last crawl of this network has ended. <a href={link("new", { platform: "enr_crawl" })}>Begin another</a>
      </Empty>
    );
  }
  return (
    <>
      {members.map(([name, { work, wire }]) => {
        const job = name.split(":")[0] ?? name;
        return (
          <section class="card" key={name} aria-label={`Work of ${name}`}>
            <header>
              <h2>
                Job{" "}
                <a class="mono" href={link(`jobs/${job}`)} title={name}>
                  {shortId(job)}
                </a>
              </h2>
            </header>
            <Table
              label={`Work of ${name}`}
              columns={COLUMNS}
              rows={KINDS.map(([key, kind]) => ({ ...work[key], kind }))}
              id={({ kind }) => kind}
            />
            <details class="wire">
              <summary>What went over the wire</summary>
              <dl class="wire-counts">
                {Object.entries(wire).map(([what, many]) => (
                  <div key={what}>
                    <dt>{what.replaceAll("_", " ")}</dt>
                    <dd class="number">{count(many)}</dd>
                  </div>
                ))}
              </dl>
            </details>
          </section>
        );
      })}
    </>
  );
}
