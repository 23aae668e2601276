/** What the API says of a draft while it is written. */
import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../../api/client";
import { post } from "../../api/client";
import { type Fault, Problem } from "../../api/problem";
import type { Draft } from "./start";

export type Verdict = { faults: readonly Fault[]; stored: Answer<"/execution/check", "post"> | undefined };

const TYPING_MS = 350;

export function useCheck(platform: string, draft: Draft): Verdict {
  const [verdict, setVerdict] = useState<Verdict>({ faults: [], stored: undefined });
  const body = JSON.stringify(specOf(platform, draft));
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      post("/execution/check", { body: JSON.parse(body), signal: stop.signal }).then(
        (stored) => setVerdict({ faults: [], stored }),
        (thrown: unknown) => {
          if (!stop.signal.aborted && thrown instanceof Problem && thrown.code === "invalid_task_spec") {
            setVerdict((before) => ({ faults: thrown.faults, stored: before.stored }));
          }
        },
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [body]);
  return verdict;
}

/** The task spec of a draft, without what is empty. */
export function specOf(platform_id: string, { _id, settings, options }: Draft) {
  return { ...(_id ? { _id } : {}), platform_id, settings, ...(Object.keys(options).length > 0 ? { options } : {}) };
}
