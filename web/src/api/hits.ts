/** Hits while somebody types. */
import { useEffect, useState } from "preact/hooks";
import { type Hit, search } from "./search";

const TYPING_MS = 150;

export function useHits(typed: string): readonly Hit[] {
  const [hits, setHits] = useState<readonly Hit[]>([]);
  const words = typed.trim();
  useEffect(() => {
    if (!words) return setHits([]);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      search(words, stop.signal).then(setHits, () => stop.signal.aborted || setHits([]));
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [words]);
  return words ? hits : [];
}
