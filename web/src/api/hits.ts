/** Hits while somebody types. */
import { useEffect, useState } from "preact/hooks";
import { type Hit, search } from "./search";

const TYPING_MS = 150;

export type Hits = {
  hits: readonly Hit[];
  /** Whether they are those of what is typed, not of what was typed before. */
  settled: boolean;
  /** Enter was pressed: what was found is chosen once it is what was typed. */
  enter: () => void;
};

export function useHits(typed: string, choose: () => void): Hits {
  const [found, setFound] = useState<{ of: string; hits: readonly Hit[] }>({ of: "", hits: [] });
  const [entered, setEntered] = useState<string>();
  const words = typed.trim();
  const settled = found.of === words;
  useEffect(() => {
    const take = (hits: readonly Hit[]) => setFound({ of: words, hits });
    if (!words) return take([]);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      search(words, stop.signal).then(take, () => stop.signal.aborted || take([]));
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [words]);
  useEffect(() => {
    if (entered === undefined) return;
    if (settled || entered !== words) setEntered(undefined);
    if (settled && entered === words) choose();
  });
  return { hits: words ? found.hits : [], settled, enter: () => setEntered(words) };
}
