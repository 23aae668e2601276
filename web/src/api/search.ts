/** Finding jobs by whatever somebody remembers of them. */
import { link } from "../router";
import { type Answer, get } from "./client";

export type Hit = Answer<"/execution/search", "get">["hits"][number];

export async function search(words: string, signal: AbortSignal): Promise<Hit[]> {
  return [...(await get("/execution/search", { q: words }, { signal })).hits];
}

/** The job, or the list of those that have it. */
export function addressOf(hit: Hit): string {
  return hit.kind === "job" ? link(`jobs/${hit.value}`) : link("jobs", { [hit.kind]: hit.value });
}
