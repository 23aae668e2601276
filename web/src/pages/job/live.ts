/** A job as it is now: its stream says what changes, the rest is read again when it does. */
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { components } from "../../api/schema.gen";
import { get, urlOf } from "../../api/client";
import { type Stand, type Told, follow } from "../../api/follow";
import { paused } from "../../api/poll";
import { type Problem, asProblem } from "../../api/problem";

export type Job = components["schemas"]["Job"];

/** Lines come faster than anybody reads: the log is read again at most this often. */
const LOG_MS = 700;

export type Following = {
  job: Job | undefined;
  problem: Problem | undefined;
  stand: Stand;
  /** Rises when the log has grown. */
  logged: number;
};

export function useJob(id: string): { now: Following; refresh: () => void } {
  const state = useMemo(
    () => signal<Following>({ job: undefined, problem: undefined, stand: "connecting", logged: 0 }),
    [id],
  );
  const stopped = paused.value;
  const refresh = () => {
    get("/execution/get", { job_id: id }).then(
      (job) => change(state, { job: job as Job, problem: undefined }),
      (thrown: unknown) => change(state, { problem: asProblem(thrown) }),
    );
  };
  useEffect(() => {
    if (stopped) {
      if (!state.peek().job) refresh();
      return change(state, { stand: "ended" });
    }
    let timer: number | undefined;
    const logged = () => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        change(state, { logged: state.peek().logged + 1 });
      }, LOG_MS);
    };
    const stop = follow(urlOf("/execution/events", { job_id: id }), {
      last: "end",
      stands: (stand, problem) => change(state, { stand, ...(problem ? { problem } : {}) }),
      tell: (told) => {
        if (told.name === "log") return logged();
        change(state, { job: applied(state.peek().job, told), problem: undefined });
        // What came of it (result, certificate, history) stands in the job only.
        if (told.name === "status" || told.name === "end") refresh();
        if (told.name !== "progress") logged();
      },
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [id, stopped]);
  return { now: state.value, refresh };
}

function change(state: { value: Following; peek(): Following }, by: Partial<Following>): void {
  state.value = { ...state.peek(), ...by };
}

/** The job after an event. */
export function applied(job: Job | undefined, told: Told): Job | undefined {
  if (told.name === "snapshot" || told.name === "reset") return told.data as Job;
  if (!job) return job;
  if (told.name === "progress") {
    const { progress, message } = told.data as components["schemas"]["ProgressEvent"];
    return { ...job, ...(progress === undefined ? {} : { progress }), ...(message === undefined ? {} : { message }) };
  }
  if (told.name === "status") {
    const { status, attempt, lease, sanjer } = told.data as components["schemas"]["StatusEvent"];
    // Events may be told again that a snapshot knew; a job never goes back to an older lease.
    if (lease < job.lease) return job;
    return { ...job, status, attempt, lease, ...(sanjer ? { sanjer } : {}) };
  }
  return job;
}
