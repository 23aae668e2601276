/** A page of the list, read again and again. */
import { type Answer, get } from "../../api/client";
import { type Poll, usePoll } from "../../api/poll";
import { place } from "../../router";
import { type Held, type Page, useHeld } from "../../ui/held";
import { type JobSummary, filterNow, keyOf, pageName, pageOf } from "./filter";

type JobPage = Pick<Answer<"/execution/list", "get">, "total" | "order"> & Page<JobSummary>;

const EVERY_MS = 2000;
/** Further pages change less, and cost as much. */
const EVERY_LATER_MS = 6000;
const LIMIT = 50;

export type Live = { held: Held<JobSummary>; poll: Poll<JobPage> };

/** `isPicking`: whether rows are selected. */
export function useLiveJobs(isPicking: boolean): Live {
  const { query } = place.value;
  const { cursor, from } = pageOf(query);
  const key = keyOf(query);
  const poll = usePoll(key, cursor ? EVERY_LATER_MS : EVERY_MS, async (signal): Promise<JobPage> => {
    const now = from ?? Date.now();
    const asked = { ...filterNow(query, now), limit: LIMIT, cursor, total: "true" } as const;
    const { jobs, cursor: next, total, order } = await get("/execution/list", asked, { signal });
    return { rows: jobs, next: next && pageName(next, now), total, order };
  });
  return { held: useHeld(poll.stale ? undefined : poll.data, key, idOf, isPicking), poll };
}

export function idOf(job: JobSummary): string {
  return job.job_id;
}
