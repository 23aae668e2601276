/** Answers in which everything that somebody else may have written is hostile. */
import type { Page } from "playwright-core";
import { HOSTILE } from "./browser.ts";

/** What the contract limits to words, times, ids and addresses of its own. */
const ENUMS =
  /^(status|state|lane|kind|breaker|mode|callback|durability|profile|type|action|code|level|class|outcome|order|read_only|job_id|requestId|node_id|provider|name|network|fork|link|enr|platform_id|maxmemory_policy|pool)$/;
const OWN = /^(\d{4}-\d\d-\d\dT|[0-9a-f]{8}-[0-9a-f]{4}-7|[0-9a-f]{64}$|eth2?\/)/;

/** Each text stands in another place, and with `turn` in yet another. */
export function poisoned(value: unknown, turn: number): unknown {
  let next = turn;
  const walk = (one: unknown, key: string): unknown => {
    if (typeof one === "string")
      return ENUMS.test(key) || OWN.test(one) || one === "" ? one : HOSTILE[next++ % HOSTILE.length];
    if (Array.isArray(one)) return one.map((member) => walk(member, key));
    if (one !== null && typeof one === "object")
      return Object.fromEntries(Object.entries(one).map(([name, member]) => [name, walk(member, name)]));
    return one;
  };
  return walk(value, "");
}

/** Turns after which every place is likely to have had every text. */
export const TURNS = [0, 1, 3, 5];

/** Every answer to one of these paths comes poisoned. */
export async function poisonAnswers(page: Page, paths: string[], turn: () => number): Promise<void> {
  await page.route(
    (url) => paths.includes(url.pathname),
    async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: poisoned(await answer.json(), turn()) });
    },
  );
}
