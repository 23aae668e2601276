/** Which jobs are listed, as the address says it. */
import type { components } from "../../api/schema.gen";
import { place } from "../../router";

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

/** Every filter of the address, as it stands there. */
export function filtersOf(query: URLSearchParams): [string, string][] {
  return [...WORDS, ...AGES, ...TIMES].flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value ? [[name, value]] : [];
  });
}

/** The filter of the address as the API takes it, of this moment. */
export function filterNow(query: URLSearchParams, now = Date.now()): JobFilter {
  const filter: Record<string, string> = {};
  for (const [name, value] of filtersOf(query)) {
    const age = AGE_MS[value];
    if (name === "created" || name === "finished") {
      if (age) filter[`${name}_from`] = new Date(now - age).toISOString();
    } else filter[name] = value;
  }
  return filter as JobFilter;
}

/** What tells one list from another: every filter and the page of it. */
export function keyOf(query: URLSearchParams): string {
  return JSON.stringify([filtersOf(query), query.get("cursor")]);
}

/** Whether anything but the status is filtered by. */
export function isNarrowed(): boolean {
  return filtersOf(place.value.query).some(([name]) => name !== "status");
}
