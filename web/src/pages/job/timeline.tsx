/** How a job came to where it is: every run, and what ended it. */
import type { components } from "../../api/schema.gen";
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../../ui/icon";
import { STATUSES, type News, isTerminal } from "../../ui/status";
import { Prose, Span, Time } from "../../ui/text";
import type { Job } from "./live";

type PastRun = components["schemas"]["PastRun"];

export function Timeline({ job }: { job: Job }) {
  const past = job.history ?? [];
  // A job that waits again has its last run among the past ones.
  const hasRun = job.started_at !== undefined && !past.some(({ lease }) => lease === job.lease);
  return (
    <section class="card" aria-label="Timeline">
      <header>
        <h2>Timeline</h2>
      </header>
      <ol class="timeline body">
        <Step icon="create" news="wait" title="Accepted" at={job.created_at} />
        {past.map((run) => (
          <Past key={run.lease} run={run} />
        ))}
        {hasRun && <Latest job={job} />}
        {!hasRun && !isTerminal(job.status) && <Waiting job={job} />}
        {isTerminal(job.status) && (
          <Step
            icon={STATUSES[job.status].icon}
            news={STATUSES[job.status].news}
            title={STATUSES[job.status].text}
            at={job.finished_at}
          />
        )}
        {job.cancel_requested_at && !isTerminal(job.status) && (
          <Step icon="stop" news="warn" title="Told to stop" at={job.cancel_requested_at} />
        )}
      </ol>
    </section>
  );
}

const OUTCOMES: Record<PastRun["outcome"], { text: string; icon: IconName; news: News }> = {
  retrying: { text: "failed for now", icon: "again", news: "warn" },
  snoozed: { text: "asked to run later", icon: "snooze", news: "warn" },
  handed_back: { text: "handed back: its process was stopped", icon: "back", news: "wait" },
  crashed: { text: "its process died", icon: "skull", news: "grave" },
  lost: { text: "nothing more was heard of its process", icon: "help", news: "warn" },
};

function Past({ run }: { run: PastRun }) {
  const look = OUTCOMES[run.outcome];
  return (
    <Step
      icon={look.icon}
      news={look.news}
      title={`Run ${run.lease}, attempt ${run.attempt}: ${look.text}`}
      at={run.started_at}
    >
      <Ran from={run.started_at} to={run.ended_at} sanjer={run.sanjer} />
      {run.error && (
        <div class="soft">
          <Prose text={run.error.message} /> <span class="faint mono">{run.error.code}</span>
        </div>
      )}
    </Step>
  );
}

function Latest({ job }: { job: Job }) {
  const running = job.status === "running";
  return (
    <Step
      icon="run"
      news="live"
      title={`Run ${job.lease}, attempt ${job.attempt} of ${job.max_attempts}`}
      at={job.started_at}
    >
      <Ran from={job.started_at} to={running ? undefined : job.finished_at} sanjer={job.sanjer} />
    </Step>
  );
}

function Waiting({ job }: { job: Job }) {
  const look = STATUSES[job.status];
  return (
    <Step icon={look.icon} news={look.news} title={look.text} at={job.queued_at ?? job.created_at}>
      {job.due_at && (
        <div class="soft">
          due <Time at={job.due_at} as="full" />
        </div>
      )}
    </Step>
  );
}

function Ran({ from, to, sanjer }: { from: string | undefined; to: string | undefined; sanjer: string | undefined }) {
  return (
    <div class="faint small">
      <Span from={from} to={to} />
      {sanjer && (
        <>
          {" on "}
          <bdi class="mono">{sanjer}</bdi>
        </>
      )}
    </div>
  );
}

function Step(props: {
  icon: IconName;
  news: News;
  title: string;
  at: string | undefined;
  children?: ComponentChildren;
}) {
  return (
    <li>
      <span class="dot" data-news={props.news}>
        <Icon name={props.icon} size={12} />
      </span>
      <div>
        <strong>{props.title}</strong> <Time at={props.at} as="clock" />
        {props.children}
      </div>
    </li>
  );
}
