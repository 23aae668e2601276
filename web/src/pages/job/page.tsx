/** Everything about one job, live. */
import "./job.css";
import { useEffect } from "preact/hooks";
import { parts } from "../../router";
import { Icon } from "../../ui/icon";
import { Failed, Loading } from "../../ui/note";
import { StatusBadge, STATUSES, isTerminal } from "../../ui/status";
import { Copy, Line, Meter, shortId } from "../../ui/text";
import { link } from "../../router";
import { Actions } from "./actions";
import { Details } from "./details";
import { Explain } from "./explain";
import { Facts } from "./facts";
import { type Following, type Job, useJob } from "./live";
import { Outcome } from "./outcome";
import { Timeline } from "./timeline";

export default function JobPage() {
  const id = parts.value[1] ?? "";
  const { now, refresh } = useJob(id);
  useEffect(() => {
    document.title = `${now.job ? STATUSES[now.job.status].text : "Job"} ${shortId(id)} · Collector`;
  }, [id, now.job?.status]);
  if (!now.job) {
    return (
      <>
        <header class="head">
          <h1>Job</h1>
        </header>
        {now.problem ? <Failed problem={now.problem} onAgain={refresh} /> : <Loading lines={10} />}
      </>
    );
  }
  return <Whole job={now.job} now={now} refresh={refresh} />;
}

function Whole({ job, now, refresh }: { job: Job; now: Following; refresh: () => void }) {
  const waits = !isTerminal(job.status) && job.status !== "running";
  return (
    <>
      <header class="head">
        <div class="title">
          <a class="crumb" href={link("jobs")}>
            Jobs
          </a>
          <div class="row">
            <h1>{job._id === undefined ? <span class="mono">{shortId(job.job_id)}</span> : <Line text={job._id} />}</h1>
            <StatusBadge status={job.status} />
            {!isTerminal(job.status) && <Follows now={now} />}
          </div>
          <div class="row small faint">
            <span class="mono job-id">{job.job_id}</span>
            <Copy text={job.job_id} what="Job id" />
          </div>
        </div>
        <Actions job={job} onDone={refresh} />
      </header>
      {now.problem && now.problem.code !== "no_answer" && <Failed problem={now.problem} onAgain={refresh} />}
      <div class="job-grid">
        <div class="stack">
          {job.status === "running" && (
            <section class="card body-only running" aria-label="Progress">
              <Meter value={job.progress} label="Progress" />
              {job.message && <Line text={job.message} />}
            </section>
          )}
          {waits && <Explain job={job} />}
          <Outcome job={job} />
          <Details job={job} logged={now.logged} />
        </div>
        <div class="stack">
          <Timeline job={job} />
          <Facts job={job} />
        </div>
      </div>
    </>
  );
}

/** Whether what is shown is live. */
function Follows({ now }: { now: Following }) {
  if (now.stand === "live") {
    return (
      <span class="small faint follows">
        <Icon name="run" size={11} /> followed live
      </span>
    );
  }
  return now.stand === "waiting" || now.stand === "connecting" ? <span class="small faint">connecting…</span> : null;
}
