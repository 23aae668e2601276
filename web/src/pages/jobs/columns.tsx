/** A job as a row, here and wherever else jobs are listed. */
import type { Column } from "../../ui/table";
import { link } from "../../router";
import { StatusBadge, isTerminal } from "../../ui/status";
import { Line, Meter, Span, Time, shortId } from "../../ui/text";
import type { JobSummary } from "./filter";

export function jobHref(job: { job_id: string }): string {
  return link(`jobs/${job.job_id}`);
}

export const JOB_COLUMNS: Column<JobSummary>[] = [
  { title: "Status", cell: (job) => <StatusBadge status={job.status} /> },
  {
    title: "Job",
    cell: (job) => (
      <>
        <a href={jobHref(job)} class="mono one-line" title={job.job_id}>
          {shortId(job.job_id)}
        </a>
        {job._id !== undefined && (
          <div class="faint small own-id">
            <Line text={job._id} />
          </div>
        )}
      </>
    ),
  },
  {
    title: "Platform",
    rank: 2,
    cell: (job) => (
      <>
        <Line text={job.platform_id} />
        <div class="faint small">{job.pool}</div>
      </>
    ),
  },
  { title: "Labels", rank: 3, cell: (job) => <FirstLabel labels={job.labels ?? []} /> },
  { title: "What it says", fill: true, cell: (job) => <Says job={job} /> },
  { title: "Attempt", rank: 3, align: "right", cell: (job) => `${job.attempt} of ${job.max_attempts}` },
  {
    title: "Ran for",
    rank: 2,
    align: "right",
    cell: (job) =>
      job.status === "running" || job.finished_at ? <Span from={job.started_at} to={job.finished_at} /> : null,
  },
  { title: "Created", rank: 2, align: "right", cell: (job) => <Time at={job.created_at} /> },
];

/** Labels lead to all jobs that have them. */
export function Labels({ labels }: { labels: readonly string[] }) {
  if (labels.length === 0) return null;
  return (
    <span class="chips">
      {labels.map((label) => (
        <a class="chip" key={label} href={link("jobs", { label })} title={`All jobs with the label ${label}`}>
          <bdi>{label}</bdi>
        </a>
      ))}
    </span>
  );
}

/** As many as a row has room for. */
function FirstLabel({ labels }: { labels: readonly string[] }) {
  if (labels.length === 0) return null;
  return (
    <span class="one-line" title={labels.join(", ")}>
      <Labels labels={labels.slice(0, 1)} />
      {labels.length > 1 && <span class="faint small">+{labels.length - 1}</span>}
    </span>
  );
}

/** The one thing about it that matters where it stands. */
function Says({ job }: { job: JobSummary }) {
  if (job.status === "running") {
    return (
      <>
        <Meter value={job.progress} label={`Progress of ${job.job_id}`} />
        {job.message && (
          <div class="soft small">
            <Line text={job.message} />
          </div>
        )}
      </>
    );
  }
  if (job.error && job.status !== "succeeded") {
    return (
      <>
        <Line text={job.error.message} />
        <div class="faint small">
          {job.error.code}
          {job.due_at && !isTerminal(job.status) && (
            <>
              , again <Time at={job.due_at} />
            </>
          )}
        </div>
      </>
    );
  }
  if (job.due_at && !isTerminal(job.status)) {
    return (
      <span class="soft">
        due <Time at={job.due_at} />
      </span>
    );
  }
  if (job.status === "queued") return <span class="faint">waits for a sanjer</span>;
  return job.message ? <Line text={job.message} /> : null;
}
