/** Which jobs are listed, as the address says it. */
import type { components } from "../../api/schema.gen";

export type JobFilter = components["schemas"]["JobFilter"];
export type JobSummary = components["schemas"]["JobSummary"];

/** The filters that are words, by their names in the API and in the address. */
export const WORDS = ["status", "platform", "pool", "label", "_id", "error"] as const;
export const TIMES = ["created_from", "created_to", "finished_from", "finished_to"] as const;
/** Times that move along: the address says `created=1h`, the API is asked with the time that this means now. */
export const AGES = ["created", "finished"] as const;

export const AGE_MS: Record<string, number> = {
  "15m": 15 * 60_000,
  "1h": 3_600_000,
  "24h": 86_400_000,
  "7d": 7 * 86_400_000,
};

export const NAMES: Record<string, string> = {
  status: "status",
  platform: "platform",
  pool: "pool",
  label: "label",
  _id: "own id",
  error: "error",
  created: "created in the last",
  finished: "finished in the last",
  created_from: "created from",
  created_to: "created before",
  finished_from: "finished from",
  finished_to: "finished before",
};

/** Every filter of the address, as it stands there; an age that there is not is none. */
export function filtersOf(query: URLSearchParams): [string, string][] {
  return [...WORDS, ...AGES, ...TIMES].flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value && (!isAge(name) || Object.hasOwn(AGE_MS, value)) ? [[name, value]] : [];
  });
}

/** The filter of the address as the API takes it, of this moment. Of two beginnings the later one holds. */
export function filterNow(query: URLSearchParams, now = Date.now()): JobFilter {
  const filter: Record<string, string> = {};
  for (const [name, value] of filtersOf(query)) {
    if (isAge(name)) filter[`${name}_from`] = new Date(now - (AGE_MS[value] ?? 0)).toISOString();
    else if (!(Date.parse(filter[name] ?? "") > Date.parse(value))) filter[name] = value;
  }
  return filter as JobFilter;
}

export function isAge(name: string): boolean {
  return AGES.some((age) => age === name);
}

/**
 * The page that the address names. A cursor holds for the very filter that it came with, so the moment from which ages
 * are counted goes with it: `cursor=<ms since 1970>.<cursor of the API>`.
 */
export function pageOf(query: URLSearchParams): { cursor: string | undefined; from: number | undefined } {
  const [, from, cursor] = /^(\d{1,15})\.(.+)$/.exec(query.get("cursor") ?? "") ?? [];
  return { cursor: cursor ?? (query.get("cursor") || undefined), from: from === undefined ? undefined : Number(from) };
}

/** The same the other way round. */
export function pageName(cursor: string, from: number): string {
  return `${from}.${cursor}`;
}

/** What tells one list from another: every filter and the page of it. */
export function keyOf(query: URLSearchParams): string {
  return JSON.stringify([filtersOf(query), query.get("cursor")]);
}

/** Whether anything but the status is filtered by. */
export function isNarrowed(query: URLSearchParams): boolean {
  return filtersOf(query).some(([name]) => name !== "status");
}
