/** Keeps the reader's place in a list that changes by itself. */
import { useRef, useState } from "preact/hooks";
import { Icon } from "./icon";

/** A page of a list as it was read; `next` leads to the page behind its last row. */
export type Page<T> = { rows: readonly T[]; next?: string | undefined };

export type Held<T> = Page<T> & {
  /** Rows that came since and are not shown yet. */
  waiting: number;
  /** Rows that are shown still although they are no longer in the list. */
  left: ReadonlySet<string>;
  /** Shows what waits. */
  catchUp: () => void;
};

type Shown<T> = Omit<Held<T>, "catchUp">;

/** Scrolled further down than this, the reader looks at certain rows. */
const SCROLLED_PX = 160;

/**
 * The page to show, once `fresh` was read. Another `key` is another list: there is no place in it to keep. `picking`:
 * rows are selected, which must not slip away under the mouse.
 */
export function useHeld<T>(fresh: Page<T> | undefined, key: string, id: (row: T) => string, picking = false): Held<T> {
  const held = useRef<{ key?: string; fresh?: Page<T>; shown: Shown<T> }>({ shown: whole({ rows: [] }) });
  const [, redraw] = useState(0);
  if (fresh && held.current.fresh !== fresh) {
    const holds = held.current.key === key && (picking || holdsPlace());
    held.current = { key, fresh, shown: merge(held.current.shown, fresh, id, holds) };
  }
  const catchUp = () => {
    window.scrollTo({ top: 0 });
    held.current.shown = whole(held.current.fresh ?? { rows: [] });
    redraw((before) => before + 1);
  };
  return { ...held.current.shown, catchUp };
}

/**
 * What to show when a list was read again. While the reader holds his place, rows neither come nor go nor move: those in
 * the list show what is new about them, the others say that they have left it; the next page is still the one behind them.
 */
export function merge<T>(shown: Page<T>, fresh: Page<T>, id: (row: T) => string, holds: boolean): Shown<T> {
  if (!holds || shown.rows.length === 0) return whole(fresh);
  const news = new Map(fresh.rows.map((row) => [id(row), row]));
  const known = new Set(shown.rows.map(id));
  return {
    rows: shown.rows.map((row) => news.get(id(row)) ?? row),
    next: shown.next,
    waiting: fresh.rows.filter((row) => !known.has(id(row))).length,
    left: new Set([...known].filter((one) => !news.has(one))),
  };
}

function whole<T>({ rows, next }: Page<T>): Shown<T> {
  return { rows, next, waiting: 0, left: new Set() };
}

/** Scrolled down, with the focus in a row, or with the mouse over one that may be about to be clicked. */
function holdsPlace(): boolean {
  const isAtRow =
    document.activeElement?.closest("[data-id]") !== null || document.querySelector("[data-id]:hover") !== null;
  return isAtRow || window.scrollY > SCROLLED_PX;
}

/** Says that rows wait, and shows them. */
export function Waiting({ held: { waiting, catchUp } }: { held: Pick<Held<unknown>, "waiting" | "catchUp"> }) {
  if (waiting === 0) return null;
  return (
    <button type="button" class="news" onClick={catchUp}>
      <Icon name="again" /> {waiting} new: show
    </button>
  );
}
