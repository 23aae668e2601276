/** One tab a status, with how many there are, as far as that costs nothing. */
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { briefCount } from "../../format/quantity";
import { param, place, setParams } from "../../router";
import { STATUSES, type Status } from "../../ui/status";
import { isNarrowed } from "./filter";

const EVERY_MS = 5000;

export function Tabs() {
  const counts = usePoll("counts", EVERY_MS, countJobs).data;
  const chosen = param("status");
  const choose = (status: string | undefined) => setParams({ status, cursor: undefined });
  return (
    <div class="tabs" role="group" aria-label="Status">
      <button type="button" aria-pressed={chosen === ""} onClick={() => choose(undefined)}>
        All
      </button>
      {Object.entries(STATUSES).map(([status, look]) => {
        // The counts are of all jobs; beside other filters they would mislead.
        const count = isNarrowed(place.value.query) ? undefined : counts?.[status as Status];
        return (
          <button
            type="button"
            key={status}
            aria-pressed={chosen === status}
            title={look.means}
            onClick={() => choose(status)}
          >
            {look.text}
            {count !== undefined && <span class="number">{briefCount(count)}</span>}
          </button>
        );
      })}
    </div>
  );
}

async function countJobs(signal: AbortSignal): Promise<Partial<Record<Status, number>>> {
  const { pools, finished } = await get("/queue/stats", {}, { signal });
  const all = Object.values(pools);
  const sum = (of: (pool: (typeof all)[number]) => number) => all.reduce((total, pool) => total + of(pool), 0);
  return { ...finished, queued: sum((pool) => pool.queued), running: sum((pool) => pool.running) };
}
