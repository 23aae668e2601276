/** Times and durations for people. */
import { signal } from "@preact/signals";

export type Zone = "utc" | "local";

/** `340 ms`, `4.2 s`, `3 min 4 s`, `2 h 5 min`, `3 d 4 h` */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  if (size < 1) return size === 0 ? "0 ms" : `${Number(size.toPrecision(2))} ms`;
  if (size < 1000) return `${Math.round(size)} ms`;
  if (size < 9_950) return `${Number((size / 1000).toFixed(1))} s`;
  if (size < 59_500) return `${Math.round(size / 1000)} s`;
  const seconds = Math.round(size / 1000);
  if (seconds < 3600) return pair(seconds, 60, "min", "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(minutes, 60, "h", "min");
  return pair(Math.round(minutes / 60), 24, "d", "h");
}

function pair(value: number, base: number, big: string, small: string): string {
  const rest = value % base;
  return rest === 0 ? `${Math.floor(value / base)} ${big}` : `${Math.floor(value / base)} ${big} ${rest} ${small}`;
}

/** `just now`, `12 s ago`, `in 3 min`; one unit, for what is looked at in passing. */
export function relative(ms: number, now: number): string {
  const distance = ms - now;
  const size = Math.abs(distance);
  if (size < 1500) return distance > 500 ? "in 1 s" : "just now";
  const text = coarse(size);
  return distance < 0 ? `${text} ago` : `in ${text}`;
}

function coarse(size: number): string {
  if (size < 90_000) return `${Math.round(size / 1000)} s`;
  if (size < 90 * 60_000) return `${Math.round(size / 60_000)} min`;
  if (size < 36 * 3_600_000) return `${Math.round(size / 3_600_000)} h`;
  return `${Math.round(size / 86_400_000)} d`;
}

/** `2026-11-21 17:04:41.123 UTC`; local times have their offset. */
export function absolute(ms: number, zone: Zone, precise = true): string {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return "–";
  const offset = zone === "utc" ? 0 : -at.getTimezoneOffset();
  const shown = new Date(ms + offset * 60_000).toISOString();
  const text = `${shown.slice(0, 10)} ${shown.slice(11, precise ? 23 : 19)}`;
  return `${text} ${zone === "utc" ? "UTC" : offsetText(offset)}`;
}

/** `17:04:41`, or with its date if that is another day than `now`. */
export function clock(ms: number, zone: Zone, now: number): string {
  const text = absolute(ms, zone, false);
  return text.slice(0, 10) === absolute(now, zone, false).slice(0, 10) ? text.slice(11, 19) : text.slice(5, 16);
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Now, to the second: what shows an age shows it anew with every change. */
export const now = signal(Date.now());

/** Lets `now` go. */
export function runClock(): void {
  window.setInterval(() => {
    if (document.visibilityState === "visible") now.value = Date.now();
  }, 1000);
}
