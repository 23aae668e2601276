/** Pool by pool: who waits, who works. */
import type { components } from "../../api/schema.gen";
import { count } from "../../format/quantity";
import { link } from "../../router";
import { Badge } from "../../ui/status";
import { type Column, Table } from "../../ui/table";
import { Line, Time } from "../../ui/text";
import { Use } from "../../ui/use";

type Stats = components["schemas"]["QueueStats"];
type Row = Stats["pools"][string] & { name: string };

const COLUMNS: Column<Row>[] = [
  {
    title: "Pool",
    fill: true,
    cell: ({ name }) => (
      <a href={link("jobs", { pool: name })}>
        <Line text={name} />
      </a>
    ),
  },
  { title: "Sanjers", cell: (pool) => <Alive pool={pool} /> },
  {
    title: "Slots in use",
    align: "right",
    rank: 2,
    cell: ({ running, slots }) => <Use value={running} of={slots} label="Slots in use" />,
  },
  {
    title: "Waiting",
    align: "right",
    cell: ({ queued, alone }) => `${count(queued)}${alone > 0 ? `, ${count(alone)} of them alone` : ""}`,
  },
  { title: "Oldest since", align: "right", rank: 2, cell: ({ oldest_queued_at }) => <Time at={oldest_queued_at} /> },
  { title: "Later", align: "right", rank: 3, cell: ({ delayed }) => count(delayed) },
];

export function Pools({ stats }: { stats: Stats }) {
  const rows = Object.entries(stats.pools).map(([name, pool]) => ({ name, ...pool }));
  return (
    <section class="card">
      <header>
        <h2>Pools</h2>
      </header>
      <Table label="Pools" columns={COLUMNS} rows={rows} id={({ name }) => name} />
    </section>
  );
}

function Alive({ pool: { sanjers } }: { pool: Row }) {
  const text = `${sanjers.alive} of ${sanjers.wanted}`;
  const extra = [
    sanjers.spare > 0 && `${sanjers.spare} spare`,
    sanjers.quiet > 0 && `${sanjers.quiet} quiet`,
    sanjers.retiring > 0 && `${sanjers.retiring} retiring`,
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <span class="row">
      {sanjers.alive < sanjers.wanted ? (
        <Badge news="bad" icon="failures">{`${text} alive`}</Badge>
      ) : (
        <Badge news="good" icon="check">{`${text} alive`}</Badge>
      )}
      <span class="faint small">{extra}</span>
    </span>
  );
}
