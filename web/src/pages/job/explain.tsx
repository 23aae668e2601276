/** Why a job is not running yet, in words. */
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count } from "../../format/quantity";
import { Icon } from "../../ui/icon";
import { Time } from "../../ui/text";
import type { Job } from "./live";

const EVERY_MS = 3000;

export function Explain({ job }: { job: Job }) {
  const { data } = usePoll(`${job.job_id} ${job.status}`, EVERY_MS, (signal) =>
    get("/execution/explain", { job_id: job.job_id }, { signal }),
  );
  if (!data) return null;
  const further = data.reasons.filter(({ message }) => message !== data.summary);
  return (
    <section class="card body-only explain" aria-label="Why it is not running yet">
      <Icon name="hourglass" />
      <div>
        <h2>{sentence(data.summary)}</h2>
        {further.length > 0 && (
          <ul class="soft">
            {further.map(({ code, message }) => (
              <li key={code}>{sentence(message)}</li>
            ))}
          </ul>
        )}
        <p class="faint small">
          {data.ahead !== undefined && data.ahead > 0 && `${count(data.ahead)} ahead of it. `}
          {data.due_at && (
            <>
              Due <Time at={data.due_at} />.
            </>
          )}
        </p>
      </div>
    </section>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
