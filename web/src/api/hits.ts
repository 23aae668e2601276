/** Hits while somebody types. */
import { useEffect, useState } from "preact/hooks";
import { type Hit, search } from "./search";

const TYPING_MS = 150;

export type Hits = {
  hits: readonly Hit[];
  /** Why there are none, once that is known of what is typed. */
  none: string | undefined;
  /** Enter was pressed: what was found is chosen once it is what was typed. */
  enter: () => void;
};

/** `of`: the words that were searched for. */
type Found = { of: string; hits: readonly Hit[]; failed?: boolean };

export function useHits(typed: string, choose: () => void): Hits {
  const [found, setFound] = useState<Found>({ of: "", hits: [] });
  const [entered, setEntered] = useState<string>();
  const words = typed.trim();
  const settled = found.of === words;
  useEffect(() => {
    const take = (hits: readonly Hit[], failed = false) => setFound({ of: words, hits, failed });
    if (!words) return take([]);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      search(words, stop.signal).then(
        (hits) => take(hits),
        () => stop.signal.aborted || take([], true),
      );
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
  const hits = words ? found.hits : [];
  const none = found.failed ? "The jobs could not be searched." : "Nothing has this id, label, error code or name.";
  return { hits, none: settled && words && hits.length === 0 ? none : undefined, enter: () => setEntered(words) };
}
