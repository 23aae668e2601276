/** What became of a job: its result, its error, how its process died. */
import type { components } from "../../api/schema.gen";
import { link } from "../../router";
import { DeathFacts } from "../../ui/death";
import { Icon } from "../../ui/icon";
import { JsonCard } from "../../ui/json";
import { Badge } from "../../ui/status";
import { Prose, Time, shortId } from "../../ui/text";
import type { Job } from "./live";

type JobError = components["schemas"]["JobError"];
type Certificate = components["schemas"]["Certificate"];

export function Outcome({ job }: { job: Job }) {
  return (
    <>
      {job.error && job.status !== "succeeded" && <ErrorCard job={job} error={job.error} />}
      {job.result !== undefined && <JsonCard title="Result" value={job.result} />}
      {job.certificate && (
        <CertificateCard
          certificate={job.certificate}
          matters={job.error?.class === "crash" || job.status === "dead"}
        />
      )}
    </>
  );
}

/** What the class of an error means for what happens next. */
const CLASSES: Record<string, string> = {
  settings: "The settings are at fault: running it again unchanged will not help.",
  transient: "It may pass: it is tried again until its attempts are used up.",
  snooze: "It asked to be run again later.",
  fatal: "It will never work like this, so it is not tried again.",
  timeout: "It took longer than it may. Its options can give it more time.",
  limit: "It used more memory or processor time than it may.",
  crash: "It alone killed its process too often. Run again, it runs alone in a process of its own.",
  internal: "A fault of the platform or the collector.",
};

function ErrorCard({ job, error }: { job: Job; error: JobError }) {
  return (
    <section class="card error-card" aria-label="Error">
      <header>
        <Icon name="failures" />
        <h2>
          {job.status === "retrying" || job.status === "snoozed" || job.status === "running"
            ? "Its last attempt failed"
            : "Error"}
        </h2>
        <Badge news="bad">{error.class}</Badge>
        <a class="mono small" href={link("jobs", { error: error.code })} title="All jobs with this error">
          {error.code}
        </a>
      </header>
      <div class="body stack">
        <p class="lead">
          <Prose text={error.message} />
        </p>
        {error.detail !== undefined && (
          <pre class="wrap pane">
            {typeof error.detail === "string" ? error.detail : JSON.stringify(error.detail, null, 2)}
          </pre>
        )}
        {CLASSES[error.class] && <p class="soft">{CLASSES[error.class]}</p>}
        {job.retried_by && (
          <p class="soft">
            It was run again as <a href={link(`jobs/${job.retried_by}`)}>{shortId(job.retried_by)}</a>.
          </p>
        )}
      </div>
    </section>
  );
}

/** Folded, unless the death is what became of the job: it may have been a neighbour's doing. */
function CertificateCard({ certificate: death, matters }: { certificate: Certificate; matters: boolean }) {
  return (
    <details class="card" open={matters}>
      <summary>
        <Icon name="skull" />
        <h2>How its process died{!matters && " once"}</h2>
        <Time at={death.at} />
      </summary>
      <div class="body stack">
        <DeathFacts death={death}>
          <dt>Where it was</dt>
          <dd>
            run {death.lease}, {Math.round(death.progress * 100)} %
            {death.message && (
              <>
                , <Prose text={death.message} />
              </>
            )}
          </dd>
        </DeathFacts>
      </div>
    </details>
  );
}
