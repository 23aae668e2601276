/** What this collector is, read once and again whenever the connection is back. */
import { effect, signal } from "@preact/signals";
import { type Answer, get } from "./client";
import { healed } from "./connection";

export type System = Answer<"/system/get", "get">;

export const system = signal<System | undefined>(undefined);

/** Whether actions are offered. The API refuses them by itself: this only spares the reader buttons that do nothing. */
export function mayAct(): boolean {
  return system.value?.read_only !== true;
}

export function readSystem(): void {
  effect(() => {
    healed.value;
    get("/system/get")
      .then((answer) => (system.value = answer))
      // Without it nothing can be done but look; the next healing asks again.
      .catch(() => {});
  });
}
