/** What the API says of a draft while it is written. */
import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../../api/client";
import { post } from "../../api/client";
import { parseJson } from "../../api/json";
import { type Fault, Problem } from "../../api/problem";
import type { components } from "../../api/schema.gen";
import { storedAt } from "../../form/context";
import { MASK } from "../../form/inputs";
import type { Draft } from "./start";

type TaskSpec = components["schemas"]["TaskSpec"];

export type Verdict = { faults: readonly Fault[]; stored: Answer<"/execution/check", "post"> | undefined };

const TYPING_MS = 350;

/** What a secret that is kept is checked as: it is not known here, and what is wrong with it is not told. */
const KEPT = "kept";

export function useCheck(platform: string, draft: Draft, keepsSecrets: boolean): Verdict {
  const [verdict, setVerdict] = useState<Verdict>({ faults: [], stored: undefined });
  const isKept = (value: unknown) => keepsSecrets && value === MASK;
  const body = JSON.stringify(specOf(platform, draft), (_, value) => (isKept(value) ? KEPT : value));
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      post("/execution/check", { body: parseJson(body) as TaskSpec, signal: stop.signal }).then(
        (stored) => setVerdict({ faults: [], stored }),
        (thrown: unknown) => {
          if (!stop.signal.aborted && thrown instanceof Problem && thrown.code === "invalid_task_spec") {
            const faults = thrown.faults.filter(({ pointer }) => !isKept(storedAt(draft, pointer)));
            setVerdict((before) => ({ faults, stored: before.stored }));
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
