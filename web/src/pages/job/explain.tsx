/** Why a job is not running yet, in words. */
import { type Answer, get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count } from "../../format/quantity";
import { Icon } from "../../ui/icon";
import { Read } from "../../ui/note";
import { Time } from "../../ui/text";
import type { Job } from "./live";

const EVERY_MS = 3000;

export function Explain({ job }: { job: Job }) {
  const poll = usePoll(`${job.job_id} ${job.status}`, EVERY_MS, (signal) =>
    get("/execution/explain", { job_id: job.job_id }, { signal }),
  );
  return (
    <section class="card body-only explain" aria-label="Why it is not running yet">
      <Icon name="hourglass" />
      <div>
        <Read poll={poll} lines={2}>
          {(why) => <Reasons why={why} />}
        </Read>
      </div>
    </section>
  );
}

function Reasons({ why: { summary, reasons, ahead, due_at } }: { why: Answer<"/execution/explain", "get"> }) {
  const further = reasons.filter(({ message }) => message !== summary);
  return (
    <>
      <h2>{sentence(summary)}</h2>
      {further.length > 0 && (
        <ul class="soft">
          {further.map(({ code, message }) => (
            <li key={code}>{sentence(message)}</li>
          ))}
        </ul>
      )}
      <p class="faint small">
        {ahead !== undefined && ahead > 0 && `${count(ahead)} ahead of it. `}
        {due_at && (
          <>
            Due <Time at={due_at} />.
          </>
        )}
      </p>
    </>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
