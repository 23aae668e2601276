/** With what a form begins. */
import { isLarge } from "../../api/json";
import type { components } from "../../api/schema.gen";
import { MASK } from "../../form/inputs";
import { isTerminal } from "../../ui/status";
import type { Job } from "../job/live";

type Platform = components["schemas"]["Platform"];
type Members = Record<string, unknown>;

/** What the form edits: a task spec, but for its platform. */
export type Draft = { _id?: string; settings: Members; options: Members };

export type Start = {
  draft: Draft;
  /** The job that is run again, if it is linked: then its sealed secrets can be kept. */
  retries?: string;
  /** Whether it had secrets that have to be typed again. */
  lostSecrets?: boolean;
};

export function fromPlatform(platform: Platform): Start {
  const example = platform.example as { settings?: Members; options?: Members } | undefined;
  return { draft: { settings: { ...example?.settings }, options: { ...example?.options } } };
}

/** A job that ended without success is run again as such; of any other the settings are taken. */
export function fromJob(job: Job): Start {
  const { run_at: _, delay_s: __, ...options } = job.options as Members;
  const retries = isTerminal(job.status) && job.status !== "succeeded" && job.retried_by === undefined;
  const settings = withDates(job.settings) as Members;
  const own = job._id === undefined ? {} : { _id: job._id };
  if (retries) return { draft: { ...own, settings, options }, retries: job.job_id };
  const [kept, lost] = withoutMasks(settings);
  return { draft: { ...own, settings: kept as Members, options }, lostSecrets: lost };
}

/** Dates come as `{phrase, value}`; what they meant is what is run again. */
function withDates(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDates);
  if (value === null || typeof value !== "object" || isLarge(value)) return value;
  const members = value as Members;
  if (Object.keys(members).length === 2 && typeof members.phrase === "string" && typeof members.value === "string")
    return members.value;
  return Object.fromEntries(Object.entries(members).map(([name, one]) => [name, withDates(one)]));
}

function withoutMasks(value: unknown): [kept: unknown, lost: boolean] {
  if (Array.isArray(value)) {
    const all = value.map(withoutMasks);
    return [all.map(([kept]) => kept), all.some(([, lost]) => lost)];
  }
  if (value === null || typeof value !== "object" || isLarge(value)) return [value, false];
  let anyLost = false;
  const kept = Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    if (one === MASK) {
      anyLost = true;
      return [];
    }
    const [rest, lost] = withoutMasks(one);
    anyLost ||= lost;
    return [[name, rest]];
  });
  return [Object.fromEntries(kept), anyLost];
}
