/** A job as it stands in Redis. */
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { Read } from "../../ui/note";
import { Copy } from "../../ui/text";
import type { Job } from "./live";

export function Hash({ job }: { job: Job }) {
  const poll = usePoll(`${job.job_id} ${job.status} ${job.lease}`, 0, (signal) =>
    get("/execution/hash", { job_id: job.job_id }, { signal }),
  );
  return (
    <Read poll={poll}>
      {(hash) => (
        <div class="body stack">
          <div class="row">
            <code class="wrap">HGETALL '{hash.key}'</code>
            <Copy text={`HGETALL '${hash.key}'`} what="Command" />
          </div>
          <dl class="facts mono">
            {Object.entries(hash.fields).map(([name, value]) => [
              <dt key={name}>{name}</dt>,
              <dd key={`${name} value`}>
                <bdi class="wrap">{value}</bdi>
              </dd>,
            ])}
          </dl>
        </div>
      )}
    </Read>
  );
}
