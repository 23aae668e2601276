/** What this reader likes, kept in this browser. */
import { effect, signal } from "@preact/signals";
import type { Zone } from "../format/time";

export type Theme = "system" | "light" | "dark";

export const theme = signal<Theme>(kept("theme", ["system", "light", "dark"]));
export const zone = signal<Zone>(kept("zone", ["utc", "local"]));

function kept<T extends string>(name: string, allowed: [T, ...T[]]): T {
  try {
    const value = localStorage.getItem(`collector.${name}`);
    return allowed.find((one) => one === value) ?? allowed[0];
  } catch {
    // Private windows may have no storage.
    return allowed[0];
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`collector.${name}`, value);
  } catch {
    // It holds until the page is left.
  }
}

effect(() => {
  keep("theme", theme.value);
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});
effect(() => keep("zone", zone.value));

/** Rises when the colours change, for what draws them itself. */
export const colours = signal(0);
effect(() => {
  theme.value;
  colours.value = colours.peek() + 1;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours.value += 1;
});
