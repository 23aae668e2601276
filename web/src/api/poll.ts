import { computed, effect, signal, useSignal } from "@preact/signals";
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
/** Whether nothing need be read by itself: nobody looks, or the reader wants nothing to change. */
export const unseen = computed(() => paused.value || hidden.value);

export type Poll<T> = {
  /** The last answer, also while there is a problem; undefined before the first. */
  data: T | undefined;
  /** Why what is now asked for could not be read last. */
  problem: Problem | undefined;
  /** Whether `data` is of what was asked for before. */
  stale: boolean;
  /** When `data` came, ms since 1970. */
  at: number | undefined;
  /** Reads now, also while paused. */
  refresh: () => void;
};

/**
 * Reads at once, whenever `key` changes or `news` rises, and every `everyMs` (0: never by itself); by itself not while the
 * page is hidden or paused. One read at a time: a slow API is not asked more and more, and however often more is wanted
 * meanwhile, it is one read afterwards.
 */
export function usePoll<T>(key: string, everyMs: number, read: (signal: AbortSignal) => Promise<T>, news = 0): Poll<T> {
  const [state, setState] = useState<State<T>>({ key });
  const turn = useSignal(0);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    /** Of the read under way. */
    let asked: AbortController | undefined;
    let wanted = false;
    let failed = false;
    let timer: number | undefined;
    const ask = async () => {
      window.clearTimeout(timer);
      wanted = asked !== undefined;
      if (wanted) return;
      const mine = (asked = new AbortController());
      const read = await latest.current(mine.signal).then(
        (data) => ({ key, data, at: Date.now() }),
        (thrown: unknown) => ({ failed: { key, problem: asProblem(thrown) } }),
      );
      if (mine.signal.aborted) return;
      asked = undefined;
      failed = "failed" in read;
      setState((before) => ("failed" in read ? { ...before, ...read } : read));
      if (wanted) void ask();
      else if (everyMs > 0 && !unseen.peek()) timer = window.setTimeout(ask, everyMs);
    };
    const giveUp = () => {
      window.clearTimeout(timer);
      asked?.abort();
      asked = undefined;
    };
    let started = false;
    let healedBefore = healed.peek();
    let turnBefore = turn.peek();
    const stop = effect(() => {
      const still = unseen.value;
      const heals = healed.value !== healedBefore && (everyMs > 0 || failed || asked !== undefined);
      const again = turn.value !== turnBefore;
      [healedBefore, turnBefore] = [healed.value, turn.value];
      // A read that began before the connection was lost may never end.
      if (heals) giveUp();
      if (!started || heals || again || (!still && everyMs > 0)) void ask();
      else window.clearTimeout(timer);
      started = true;
    });
    return () => {
      stop();
      giveUp();
    };
  }, [key, everyMs]);
  const refresh = () => (turn.value += 1);
  const told = useRef(news);
  useEffect(() => {
    if (told.current !== news) refresh();
    told.current = news;
  }, [news]);
  const { data, at, failed } = state;
  return { data, at, problem: failed?.key === key ? failed.problem : undefined, stale: state.key !== key, refresh };
}

/** Without what was read of another question: for a page that is about one thing. */
export function ofNow<T>(poll: Poll<T>): Poll<T> {
  return poll.stale ? { ...poll, data: undefined } : poll;
}

/** `key` is that of `data`. */
type State<T> = { key: string; data?: T; at?: number; failed?: { key: string; problem: Problem } };
