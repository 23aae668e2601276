/** JSON to read: folded where it is large, never rendered before it is unfolded. */
import { useState } from "preact/hooks";
import { isLarge } from "../api/json";
import { count, counted } from "../format/quantity";
import { cut, webAddress } from "../format/safe";
import { Copy } from "./text";

/** Members shown at once; the rest comes with a click. */
const PAGE = 100;
const LONGEST = 5000;

export function Json({ value, open = 2 }: { value: unknown; /** So many levels are unfolded. */ open?: number }) {
  return (
    <div class="json">
      <Value value={value} open={open} isRoot />
    </div>
  );
}

/** The same with a button that copies it. */
export function JsonCard({ title, value }: { title: string; value: unknown }) {
  return (
    <section class="card">
      <header>
        <h2>{title}</h2>
        <Copy text={JSON.stringify(value, null, 2)} what={title} />
      </header>
      <div class="body">
        <Json value={value} />
      </div>
    </section>
  );
}

function Value({ value, open, isRoot = false }: { value: unknown; open: number; isRoot?: boolean }) {
  if (isLarge(value)) return <span class="number">{value.rawJSON}</span>;
  if (Array.isArray(value)) {
    if (isBrief(value)) return <Inline items={value} />;
    const entries = value.map((member, place): [string, unknown] => [String(place), member]);
    return <Folded entries={entries} brackets="[]" what="item" open={open} isRoot={isRoot} />;
  }
  if (value !== null && typeof value === "object") {
    return <Folded entries={Object.entries(value)} brackets="{}" what="member" open={open} isRoot={isRoot} />;
  }
  if (typeof value === "string") return <Text text={value} />;
  if (typeof value === "number") return <span class="number">{String(value)}</span>;
  return <span class="word">{String(value)}</span>;
}

/** Whether a list of single values fits on a line. */
function isBrief(items: readonly unknown[]): boolean {
  const single = items.every((item) => item === null || typeof item !== "object");
  return items.length > 0 && items.length <= 10 && single && JSON.stringify(items).length <= 80;
}

function Inline({ items }: { items: readonly unknown[] }) {
  return (
    <>
      [
      {items.map((item, place) => (
        <span key={place}>
          {place > 0 && ", "}
          <Value value={item} open={0} />
        </span>
      ))}
      ]
    </>
  );
}

function Text({ text }: { text: string }) {
  const href = webAddress(text);
  if (href) {
    return (
      <a class="string" href={href} target="_blank" rel="noopener noreferrer nofollow">
        "{text}"
      </a>
    );
  }
  return <bdi class="string">{JSON.stringify(cut(text, LONGEST))}</bdi>;
}

type FoldedProps = { entries: [string, unknown][]; brackets: "[]" | "{}"; what: string; open: number; isRoot: boolean };

function Folded(props: FoldedProps) {
  const { entries, brackets } = props;
  const [isOpen, setOpen] = useState(props.open > 0);
  if (entries.length === 0) return <span class="faint">{brackets}</span>;
  // What is unfolded at once needs no fold.
  if (props.isRoot && props.open > 0) return <Entries entries={entries} open={props.open - 1} />;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="faint">
          {brackets[0]} {counted(entries.length, props.what)} {brackets[1]}
        </span>
      </summary>
      {isOpen && <Entries entries={entries} open={props.open - 1} />}
    </details>
  );
}

function Entries({ entries, open }: { entries: [string, unknown][]; open: number }) {
  const [shown, setShown] = useState(PAGE);
  return (
    <ul>
      {entries.slice(0, shown).map(([key, member]) => (
        <li key={key}>
          <bdi class="key">{cut(key, 200)}</bdi>: <Value value={member} open={open} />
        </li>
      ))}
      {entries.length > shown && (
        <li>
          <button type="button" class="button" data-kind="link" onClick={() => setShown(shown + 10 * PAGE)}>
            {count(entries.length - shown)} more
          </button>
        </li>
      )}
    </ul>
  );
}
