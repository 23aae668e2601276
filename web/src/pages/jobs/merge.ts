/** Keeps the reader's place in a list that changes. */

export type Shown<T> = {
  rows: readonly T[];
  /** Rows that came since and are not shown yet. */
  waiting: number;
  /** Rows that are shown still although they are no longer in the list. */
  left: ReadonlySet<string>;
};

export const NOTHING: Shown<never> = { rows: [], waiting: 0, left: new Set() };

/**
 * What to show when a list was read again. While the reader holds his place, rows neither come nor go nor move: those in
 * the list show what is new about them, the others say that they have left it.
 */
export function merge<T>(shown: readonly T[], fresh: readonly T[], id: (row: T) => string, holds: boolean): Shown<T> {
  if (!holds || shown.length === 0) return { rows: fresh, waiting: 0, left: new Set() };
  const news = new Map(fresh.map((row) => [id(row), row]));
  const known = new Set(shown.map(id));
  return {
    rows: shown.map((row) => news.get(id(row)) ?? row),
    waiting: fresh.filter((row) => !known.has(id(row))).length,
    left: new Set(shown.map(id).filter((one) => !news.has(one))),
  };
}
