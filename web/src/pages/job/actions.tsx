/** What can be done with a job where it stands. */
import { post } from "../../api/client";
import { mayAct } from "../../api/system";
import { go, link } from "../../router";
import { confirm } from "../../shell/confirm";
import { tell, tellFailure } from "../../shell/toasts";
import { ActButton, useActs } from "../../ui/act";
import { Icon } from "../../ui/icon";
import { isTerminal } from "../../ui/status";
import type { Job } from "./live";

export function Actions({ job, onDone }: { job: Job; onDone: () => void }) {
  const acts = useActs();
  if (!mayAct()) return null;
  const ended = isTerminal(job.status);
  const canRetry = ended && job.status !== "succeeded" && job.retried_by === undefined;
  return (
    <div class="buttons">
      {!ended && (
        <button
          type="button"
          class="button"
          data-kind="danger"
          disabled={job.cancel_requested_at !== undefined}
          onClick={() => void cancel(job, onDone)}
        >
          <Icon name="stop" /> {job.cancel_requested_at ? "Being stopped" : "Cancel"}
        </button>
      )}
      <a class="button" href={link("new", { from: job.job_id })}>
        <Icon name="edit" /> Edit and run again
      </a>
      {canRetry && (
        <ActButton acts={acts} name="retry" icon="again" kind="main" act={() => retry(job)}>
          Run again
        </ActButton>
      )}
    </div>
  );
}

async function cancel(job: Job, onDone: () => void): Promise<void> {
  const running = job.status === "running";
  const yes = await confirm({
    title: running ? "Stop this job?" : "Cancel this job?",
    body: running
      ? "It is told to stop. If it has not after its grace period, it is aborted, and if it does not yield even then, its process is ended; its neighbours lose nothing."
      : "It has not begun, so it is cancelled at once. It can be run again later.",
    action: running ? "Stop the job" : "Cancel the job",
    danger: true,
  });
  if (!yes) return;
  try {
    const { status } = await post("/execution/cancel", { query: { job_id: job.job_id } });
    tell(status === "cancelled" ? "The job is cancelled." : "The job is being stopped.");
    onDone();
  } catch (thrown) {
    tellFailure("The job could not be cancelled", thrown);
  }
}

async function retry(job: Job): Promise<void> {
  try {
    const { job_id } = await post("/execution/retry", { query: { job_id: job.job_id } });
    tell("It runs again as a new job.");
    go(link(`jobs/${job_id}`));
  } catch (thrown) {
    tellFailure("The job could not be run again", thrown);
  }
}
