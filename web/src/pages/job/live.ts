/** A job as it is now: its stream says what changes, the rest is read again when it does. */
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { components } from "../../api/schema.gen";
import { get, urlOf } from "../../api/client";
import { type Stand, type Told, follow } from "../../api/follow";
import { healed } from "../../api/connection";
import { parseJson } from "../../api/json";
import { paused, unseen } from "../../api/poll";
import { type Problem, asProblem } from "../../api/problem";
import { isTerminal } from "../../ui/status";

export type Job = components["schemas"]["Job"];

/** Lines come faster than anybody reads: the log is read again at most this often. */
const LOG_MS = 700;
/** A tab that nobody sees follows nothing, for connections to one host are few; it reads the job so often instead. */
const UNSEEN_MS = 10_000;

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
  const stopped = unseen.value;
  const reads = useRef(0);
  const refresh = () => {
    reads.current += 1;
    const mine = reads.current;
    // Reads may overtake each other: only the last one asked for says how it is now.
    const take = (by: Partial<Following>) => mine === reads.current && change(state, by);
    get("/execution/get", { job_id: id }, { exact: true }).then(
      (job) => take({ job: job as Job, problem: undefined }),
      (thrown: unknown) => take({ problem: asProblem(thrown) }),
    );
  };
  const back = healed.value;
  useEffect(() => {
    if (state.peek().problem) refresh();
  }, [back]);
  useEffect(() => {
    if (stopped) {
      change(state, { stand: "ended" });
      if (!state.peek().job) refresh();
      // The title says how it stands, also where nothing else can be seen.
      const glance = window.setInterval(() => {
        const { job } = state.peek();
        if (!paused.peek() && job && !isTerminal(job.status)) refresh();
      }, UNSEEN_MS);
      return () => window.clearInterval(glance);
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
      read: parseJson,
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
