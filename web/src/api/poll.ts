import { effect, signal, useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { healed } from "./connection";
import { type Problem, asProblem } from "./problem";

/** Whether the reader has stopped everything that changes by itself. */
export const paused = signal(false);
/** Whether nobody can see the page. */
const hidden = signal(document.visibilityState === "hidden");
document.addEventListener("visibilitychange", () => {
  hidden.value = document.visibilityState === "hidden";
});

export type Poll<T> = {
  /** The last answer, also while there is a problem; undefined before the first. */
  data: T | undefined;
  problem: Problem | undefined;
  /** Whether `data` is of what was asked for before. */
  stale: boolean;
  /** When `data` came, ms since 1970. */
  at: number | undefined;
  /** Reads now, also while paused. */
  refresh: () => void;
};

/**
 * Reads at once, whenever `key` changes, and every `everyMs` (0: never again); not while the page is hidden or paused.
 * The next read begins only after the one before has ended, so a slow API is not asked more and more.
 */
export function usePoll<T>(key: string, everyMs: number, read: (signal: AbortSignal) => Promise<T>): Poll<T> {
  const [state, setState] = useState<{ key: string; data?: T; problem?: Problem; at?: number }>({ key });
  const turn = useSignal(0);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    let asked: AbortController | undefined;
    let timer: number | undefined;
    let healedBefore = healed.peek();
    let turnBefore = turn.peek();
    let started = false;
    const ask = async () => {
      window.clearTimeout(timer);
      asked?.abort();
      const mine = new AbortController();
      asked = mine;
      try {
        const data = await latest.current(mine.signal);
        if (!mine.signal.aborted) setState({ key, data, at: Date.now() });
      } catch (thrown) {
        if (mine.signal.aborted) return;
        const problem = asProblem(thrown);
        setState((before) => ({ ...before, problem }));
      }
      if (!mine.signal.aborted) next();
    };
    const next = () => {
      window.clearTimeout(timer);
      if (everyMs > 0 && !paused.peek() && !hidden.peek()) timer = window.setTimeout(ask, everyMs);
    };
    const stop = effect(() => {
      const still = paused.value || hidden.value;
      const again = healed.value !== healedBefore || turn.value !== turnBefore;
      [healedBefore, turnBefore] = [healed.value, turn.value];
      if (!started || again || !still) void ask();
      else window.clearTimeout(timer);
      started = true;
    });
    return () => {
      stop();
      window.clearTimeout(timer);
      asked?.abort();
    };
  }, [key, everyMs]);
  const { data, problem, at } = state;
  return { data, problem, at, stale: state.key !== key, refresh: () => (turn.value += 1) };
}
