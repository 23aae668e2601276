/** Ctrl-K: goes to a page, and finds jobs by whatever is known of them. */
import { signal } from "@preact/signals";
import { useId, useRef, useState } from "preact/hooks";
import { useHits } from "../api/hits";
import { type Hit, addressOf } from "../api/search";
import { PAGES } from "../pages";
import { go, link } from "../router";
import { Dialog } from "../ui/dialog";
import { Icon, type IconName } from "../ui/icon";
import { StatusBadge } from "../ui/status";

export const paletteOpen = signal(false);

type Entry = { key: string; icon: IconName; text: string; note: string; href: string; hit?: Hit };

export function Palette() {
  return paletteOpen.value ? <OpenPalette /> : null;
}

function OpenPalette() {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const words = typed.trim();
  const { hits, none, enter } = useHits(words, () => choose(entries[at]));
  const entries = [...hits.map(entryOfHit), ...pagesFor(words)];
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    paletteOpen.value = false;
    go(entry.href);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0) {
      event.preventDefault();
      const next = Math.min(Math.max(at + by, 0), entries.length - 1);
      setAt(next);
      list.current?.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      enter();
    }
  };
  return (
    <Dialog title="Search" hideTitle class="palette" onClose={() => (paletteOpen.value = false)}>
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={entries[at] ? `${id}-${at}` : undefined}
        aria-label="Search jobs and pages"
        placeholder="Job id, own id, label, error code, platform, or a page"
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        value={typed}
        onInput={(event) => (setTyped(event.currentTarget.value), setAt(0))}
        onKeyDown={onKeyDown}
      />
      <ul id={id} role="listbox" aria-label="Found" ref={list}>
        {entries.map((entry, place) => (
          <li
            key={entry.key}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === at}
            onClick={() => choose(entry)}
            onMouseMove={() => setAt(place)}
          >
            <Icon name={entry.icon} />
            <bdi>{entry.text}</bdi>
            {entry.hit?.job && <StatusBadge status={entry.hit.job.status} />}
            <span class="faint small">{entry.note}</span>
          </li>
        ))}
      </ul>
      {none && entries.length === 0 && <p class="note">{none}</p>}
    </Dialog>
  );
}

function pagesFor(words: string): Entry[] {
  const wanted = words.toLowerCase();
  const fitting = PAGES.filter((page) => page.key && page.title.toLowerCase().includes(wanted));
  return fitting.map((page) => ({
    key: `page ${page.path}`,
    icon: page.icon,
    text: page.title,
    note: "page",
    href: link(page.path),
  }));
}

function entryOfHit(hit: Hit): Entry {
  const icons: Record<Hit["kind"], IconName> = {
    job: "jobs",
    label: "filter",
    _id: "jobs",
    error: "failures",
    platform: "platforms",
    pool: "sanjers",
  };
  const kinds: Record<Hit["kind"], string> = {
    job: "job",
    label: "label",
    _id: "own id",
    error: "error",
    platform: "platform",
    pool: "pool",
  };
  return {
    key: `${hit.kind} ${hit.value}`,
    icon: icons[hit.kind],
    text: hit.value,
    note: kinds[hit.kind],
    href: addressOf(hit),
    hit,
  };
}
