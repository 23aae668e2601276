/** A page of the list, read again and again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Answer, get } from "../../api/client";
import { type Poll, usePoll } from "../../api/poll";
import { place } from "../../router";
import { type JobSummary, filterNow, keyOf } from "./filter";
import { NOTHING, type Shown, merge } from "./merge";

export type JobList = Answer<"/execution/list", "get">;

const EVERY_MS = 2000;
/** Further pages change less, and cost as much. */
const EVERY_LATER_MS = 6000;
const LIMIT = 50;
/** Scrolled further down than this, the reader looks at certain rows. */
const SCROLLED_PX = 160;

export type Live = Shown<JobSummary> & {
  poll: Poll<JobList>;
  /** Shows what waits. */
  catchUp: () => void;
};

/** `isPicking`: whether rows are selected, which must not slip away under the mouse. */
export function useLiveJobs(isPicking: boolean): Live {
  const { query } = place.value;
  const cursor = query.get("cursor") ?? undefined;
  const key = keyOf(query);
  const poll = usePoll(key, cursor ? EVERY_LATER_MS : EVERY_MS, (signal) =>
    get("/execution/list", { ...filterNow(query), limit: LIMIT, cursor, total: "true" }, { signal }),
  );
  const [shown, setShown] = useState<Shown<JobSummary>>(NOTHING);
  const shownKey = useRef("");
  useEffect(() => {
    if (!poll.data || poll.stale) return;
    const holds = shownKey.current === key && (isPicking || holdsPlace());
    shownKey.current = key;
    const fresh = poll.data.jobs;
    setShown((before) => merge(before.rows, fresh, idOf, holds));
  }, [poll.data, poll.stale, key]);
  const catchUp = () => {
    window.scrollTo({ top: 0 });
    if (poll.data) setShown(merge<JobSummary>([], poll.data.jobs, idOf, false));
  };
  return { ...shown, poll, catchUp };
}

/** Scrolled down, with the focus on a row, or with the mouse over one that may be about to be clicked. */
function holdsPlace(): boolean {
  const isAtRow =
    document.activeElement?.closest("tr[data-id]") !== null || document.querySelector("tr[data-id]:hover") !== null;
  return isAtRow || window.scrollY > SCROLLED_PX;
}

export function idOf(job: JobSummary): string {
  return job.job_id;
}
