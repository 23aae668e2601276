/** What a job is, at a glance. */
import { bytes } from "../../format/quantity";
import { link } from "../../router";
import { type Fact, FactsCard } from "../../ui/facts";
import { isTerminal } from "../../ui/status";
import { Prose, Span, Time, shortId } from "../../ui/text";
import { Labels } from "../jobs/columns";
import type { Job } from "./live";

export function Facts({ job }: { job: Job }) {
  const waited = job.queued_at && (job.started_at || !isTerminal(job.status));
  const rows: Fact[] = [
    ["Platform", <a href={link("jobs", { platform: job.platform_id })}>{job.platform_id}</a>],
    ["Pool", `${job.pool}, priority ${job.priority}`],
    ["Labels", job.labels && <Labels labels={job.labels} />],
    ["Own id", job._id !== undefined && <Prose text={job._id} />],
    ["Accepted", <Time at={job.created_at} as="full" />],
    [
      "Waited",
      waited && job.started_at && job.queued_at && job.queued_at <= job.started_at && (
        <Span from={job.queued_at} to={job.started_at} />
      ),
    ],
    [
      "Ran",
      job.started_at && (job.finished_at || job.status === "running") && (
        <Span from={job.started_at} to={job.finished_at} />
      ),
    ],
    ["Attempt", `${job.attempt} of ${job.max_attempts}, claimed ${job.lease} ${job.lease === 1 ? "time" : "times"}`],
    ["Crashes", job.crashes > 0 && String(job.crashes)],
    ["Sanjer", job.sanjer && <bdi class="mono">{job.sanjer}</bdi>],
    [
      "Checkpoint",
      job.checkpoint && (
        <>
          {bytes(job.checkpoint.bytes)}, <Time at={job.checkpoint.at} />
        </>
      ),
    ],
    ["Runs again", job.retry_of && <a href={link(`jobs/${job.retry_of}`)}>{shortId(job.retry_of)}</a>],
    ["Run again as", job.retried_by && <a href={link(`jobs/${job.retried_by}`)}>{shortId(job.retried_by)}</a>],
    ["Kept until", job.expires_at && <Time at={job.expires_at} as="full" />],
  ];
  return <FactsCard facts={rows} />;
}
