/** Answers in which everything that somebody else may have written is hostile. */
import type { Page } from "playwright-core";

/** What the contract limits to words, times, ids and addresses of its own. */
const ENUMS = /^(status|state|lane|kind|breaker|mode|callback|durability|profile|type|action|code|level|class|outcome|order|read_only|job_id|requestId|node_id|provider|name|network|fork|link|enr|platform_id|maxmemory_policy)$/;
const OWN = /^(\d{4}-\d\d-\d\dT|[0-9a-f]{8}-[0-9a-f]{4}-7|[0-9a-f]{64}$|eth2?\/)/;

export function poisoned(value: unknown, text: string, key = ""): unknown {
  if (typeof value === "string") return ENUMS.test(key) || OWN.test(value) || value === "" ? value : text;
  if (Array.isArray(value)) return value.map((one) => poisoned(one, text, key));
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, poisoned(one, text, name)]));
  return value;
}

/** Every answer to a path that holds one of these words comes poisoned. */
export async function poisonAnswers(page: Page, paths: string[], text: string): Promise<void> {
  await page.route(
    (url) => paths.some((path) => url.pathname === path),
    async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: poisoned(await answer.json(), text) });
    },
  );
}
