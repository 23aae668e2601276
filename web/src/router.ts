/** Where the reader is: a path below `/ui/`, and a query that holds every filter, so that any view can be shared. */
import { computed, signal } from "@preact/signals";

const BASE = "/ui/";

export type Place = { path: string; query: URLSearchParams };

export const place = signal<Place>(read());
/** The parts of the path: `["jobs", "0193…"]`. */
export const parts = computed(() => place.value.path.split("/").filter(Boolean).map(decode));

function read(): Place {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  return { path, query: new URLSearchParams(location.search) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page: `link("jobs", { status: "failed" })`; what is empty is left out. */
export function link(path: string, query: Record<string, string | undefined> = {}): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) pairs.append(name, value);
  const safe = path.split("/").map(encodeURIComponent).join("/");
  return BASE + safe + (pairs.size > 0 ? `?${pairs}` : "");
}

const FROM_HERE = { isFromHere: true };

/** Whether going back leads to a page of ours. */
export function canGoBack(): boolean {
  return history.state?.isFromHere === true;
}

/** Goes to an address of `link`. */
export function go(href: string): void {
  history.replaceState({ ...history.state, scroll: window.scrollY }, "");
  history.pushState(FROM_HERE, "", href);
  place.value = read();
  window.scrollTo(0, 0);
}

/** What the query says; "" if it says nothing. */
export function param(name: string): string {
  return place.value.query.get(name) ?? "";
}

/** Changes the query of this page; a filter is a place to come back to, what is typed letter by letter is not. */
export function setParams(changes: Record<string, string | undefined>, how: "push" | "replace" = "push"): void {
  const query = new URLSearchParams(place.peek().query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const href = location.pathname + (query.size > 0 ? `?${query}` : "");
  if (href === location.pathname + location.search) return;
  if (how === "push") history.pushState(FROM_HERE, "", href);
  else history.replaceState(history.state, "", href);
  place.value = read();
}

/** A page that one comes back to is read first; no longer than this is waited for it. */
const LONGEST_READ_MS = 2000;

/** Goes to where the reader was, once the page is long enough again. */
function scrollBackTo(top: number, until: number): void {
  if (document.documentElement.scrollHeight >= top + window.innerHeight) window.scrollTo(0, top);
  else if (Date.now() < until) requestAnimationFrame(() => scrollBackTo(top, until));
}

/** Takes over the clicks on links to our own pages. */
export function watchPlace(): void {
  history.scrollRestoration = "manual";
  window.addEventListener("popstate", (event) => {
    place.value = read();
    const { scroll } = (event.state ?? {}) as { scroll?: number };
    if (scroll) scrollBackTo(scroll, Date.now() + LONGEST_READ_MS);
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = event.target instanceof Element ? event.target.closest("a") : null;
    if (!anchor || anchor.target || anchor.hasAttribute("download")) return;
    const url = new URL(anchor.href, location.href);
    if (url.origin !== location.origin || !url.pathname.startsWith(BASE) || url.pathname.startsWith(`${BASE}assets/`))
      return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
}
