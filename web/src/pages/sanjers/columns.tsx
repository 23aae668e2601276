/** A sanjer as a row. */
import type { components } from "../../api/schema.gen";
import { bytes } from "../../format/quantity";
import { link } from "../../router";
import type { IconName } from "../../ui/icon";
import { Badge, type News } from "../../ui/status";
import type { Column } from "../../ui/table";
import { Line, Span, shortId } from "../../ui/text";
import { Use } from "../../ui/use";
import { Actions } from "./actions";
import { type CpuMeter, cores } from "./cpu";

export type Sanjer = components["schemas"]["Sanjer"];

const STATES: Record<Sanjer["state"], { text: string; icon: IconName; news: News; means: string }> = {
  serving: { text: "Serving", icon: "run", news: "good", means: "takes jobs of its pool" },
  spare: {
    text: "Spare",
    icon: "hourglass",
    news: "wait",
    means: "waits to take somebody's place, and runs suspects meanwhile",
  },
  quiet: { text: "Quiet", icon: "pause", news: "warn", means: "was told to take no more jobs" },
  retiring: { text: "Retiring", icon: "again", news: "live", means: "ends when its jobs have" },
};

/** More than these are said to be there. */
const JOBS_SHOWN = 3;

export function sanjerColumns(cpu: CpuMeter, onDone: () => void): Column<Sanjer>[] {
  return [
    { title: "Pool", cell: ({ pool, lane }) => <Pool pool={pool} lane={lane} /> },
    { title: "State", cell: ({ state }) => <State state={state} /> },
    {
      title: "Process",
      rank: 2,
      cell: ({ sanjer, pid, version }) => (
        <span title={sanjer}>
          <span class="mono">{pid}</span>
          {version && <div class="faint small">v{version}</div>}
        </span>
      ),
    },
    { title: "Slots in use", cell: ({ running, slots }) => <Use value={running} of={slots} label="Slots in use" /> },
    { title: "Jobs", fill: true, cell: (sanjer) => <Jobs sanjer={sanjer} /> },
    { title: "Processor", rank: 3, align: "right", cell: ({ sanjer }) => cores(cpu.rate(sanjer)) },
    {
      title: "Memory",
      rank: 2,
      align: "right",
      cell: ({ rss_bytes }) => (rss_bytes === undefined ? "–" : bytes(rss_bytes)),
    },
    { title: "Up", rank: 2, align: "right", cell: ({ started_at }) => <Span from={started_at} to={undefined} /> },
    { title: "Actions", align: "right", cell: (sanjer) => <Actions sanjer={sanjer} onDone={onDone} /> },
  ];
}

function Pool({ pool, lane }: Pick<Sanjer, "pool" | "lane">) {
  return (
    <>
      <Line text={pool} />
      {lane === "alone" && (
        <div class="faint small one-line" title="It runs jobs that may have killed their process, one at a time">
          for suspects
        </div>
      )}
    </>
  );
}

function State({ state }: Pick<Sanjer, "state">) {
  const look = STATES[state];
  return (
    <Badge news={look.news} icon={look.icon} title={`${look.text}: ${look.means}`}>
      {look.text}
    </Badge>
  );
}

function Jobs({ sanjer: { jobs, running, sanjer } }: { sanjer: Sanjer }) {
  if (running === 0) return <span class="faint">none</span>;
  const shown = jobs.slice(0, JOBS_SHOWN);
  return (
    <span class="sanjer-jobs" key={sanjer}>
      {shown.map((job) => (
        <a key={job} class="mono" href={link(`jobs/${job}`)} title={job}>
          {shortId(job)}
        </a>
      ))}
      {running > shown.length && <span class="faint small">+{running - shown.length}</span>}
    </span>
  );
}
