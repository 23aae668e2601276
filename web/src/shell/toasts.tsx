/** News about what the reader did: short ones that go, and failures that stay until they are closed. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { asProblem } from "../api/problem";
import { IconButton } from "../ui/icon-button";

type Toast = { id: number; kind: "good" | "bad"; text: ComponentChildren };

const toasts = signal<readonly Toast[]>([]);
const SHOWN_MS = 6000;
/** Older ones go. */
const MOST = 4;
let last = 0;

function add(kind: Toast["kind"], text: ComponentChildren): number {
  last += 1;
  toasts.value = [...toasts.peek(), { id: last, kind, text }].slice(-MOST);
  return last;
}

function close(id: number): void {
  toasts.value = toasts.peek().filter((toast) => toast.id !== id);
}

/** Says that something was done. */
export function tell(text: ComponentChildren): void {
  const id = add("good", text);
  window.setTimeout(() => close(id), SHOWN_MS);
}

/** Says that something could not be done, and why. */
export function tellFailure(what: string, thrown: unknown): void {
  const problem = asProblem(thrown);
  add(
    "bad",
    <>
      <strong>{what}</strong>
      <div class="wrap">{problem.message}</div>
      {problem.requestId && <div class="faint small">request {problem.requestId}</div>}
    </>,
  );
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div class="toast" data-kind={toast.kind} key={toast.id}>
          <div>{toast.text}</div>
          <IconButton icon="close" label="Close" onClick={() => close(toast.id)} />
        </div>
      ))}
    </div>
  );
}
