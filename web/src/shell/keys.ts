/** Keys: single ones (`j`), with Ctrl (`ctrl+k`; ⌘ on a Mac) and two in a row (`g o`). */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export type Key = {
  keys: string;
  /** For the list of keys. */
  does: string;
  act: () => void;
};

/** All keys that do something now; of two with the same keys the later one counts. */
export const bound = signal<readonly Key[]>([]);

const SEQUENCE_MS = 900;

/** Binds keys until what is returned is called. */
export function bind(keys: Key[]): () => void {
  bound.value = [...bound.peek(), ...keys];
  return () => {
    bound.value = bound.peek().filter((key) => !keys.includes(key));
  };
}

/** Binds keys while a component is shown; the acts may change, the keys may not. */
export function useKeys(keys: Key[]): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => bind(latest.current.map((key, place) => ({ ...key, act: () => latest.current[place]?.act() }))), []);
}

/** Begins to listen. */
export function listenToKeys(): void {
  let first = "";
  let firstAt = 0;
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    const pressed = name(event);
    // With Ctrl it is no text, so it may be pressed while typing.
    if (!pressed.startsWith("ctrl+") && isForOthers(event)) return;
    const both = Date.now() - firstAt < SEQUENCE_MS ? `${first} ${pressed}` : "";
    const doing = (keys: string) => bound.peek().findLast((one) => one.keys === keys);
    const key = doing(both) ?? doing(pressed);
    [first, firstAt] = [pressed, Date.now()];
    if (!key) return;
    event.preventDefault();
    first = "";
    key.act();
  });
}

function name(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.ctrlKey || event.metaKey ? `ctrl+${key}` : key;
}

/** Whether the key is typed into a field, belongs to a dialog, or presses what has the focus. */
function isForOthers(event: KeyboardEvent): boolean {
  if (document.querySelector("dialog[open]")) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("textarea, select")) return true;
  if (target instanceof HTMLInputElement)
    return !["checkbox", "radio", "button"].includes(target.type) || event.key === " ";
  return (event.key === "Enter" || event.key === " ") && target.closest("a, button, summary") !== null;
}
