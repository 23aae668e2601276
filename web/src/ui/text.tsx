/** Single values, shown so that neither their length nor their direction nor their content disturbs what is around. */
import { absolute, clock, duration, now, relative } from "../format/time";
import { cut, webAddress } from "../format/safe";
import { zone } from "../shell/preferences";
import { tell, tellFailure } from "../shell/toasts";
import { IconButton } from "./icon-button";

const LONGEST = 2000;

/** What somebody else wrote, on one line. */
export function Line({ text, mono }: { text: string; mono?: boolean }) {
  return (
    <bdi class={mono ? "clip mono" : "clip"} title={cut(text, LONGEST)}>
      {cut(text, LONGEST)}
    </bdi>
  );
}

/** What somebody else wrote, in full; an address on the web is a link. */
export function Prose({ text, mono }: { text: string; mono?: boolean }) {
  const href = webAddress(text.trim());
  const shown = href ? (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {text}
    </a>
  ) : (
    text
  );
  return <bdi class={mono ? "wrap mono" : "wrap"}>{shown}</bdi>;
}

/** A point in time: how long ago, with the time itself one hover away; or the other way round. */
export function Time({ at, as = "age" }: { at: string | number | undefined; as?: "age" | "clock" | "full" }) {
  const ms = typeof at === "number" ? at : Date.parse(at ?? "");
  if (Number.isNaN(ms)) return <span class="faint">–</span>;
  const full = absolute(ms, zone.value);
  const age = relative(ms, now.value);
  const shown = as === "age" ? age : as === "clock" ? clock(ms, zone.value, now.value) : full;
  return (
    <time dateTime={new Date(ms).toISOString()} title={as === "age" ? full : age} class="number">
      {shown}
    </time>
  );
}

/** From one time to another; to now, if it has not come. */
export function Span({ from, to }: { from: string | undefined; to: string | undefined }) {
  if (!from) return <span class="faint">–</span>;
  const end = to ? Date.parse(to) : Math.max(now.value, Date.parse(from));
  return <span class="number">{duration(end - Date.parse(from))}</span>;
}

/** Copies a text. */
export function Copy({ text, what }: { text: string; what: string }) {
  const copy = () => {
    // A page that did not come over https has no clipboard, except from this machine.
    if (!navigator.clipboard)
      return tellFailure(`${what} could not be copied`, new Error("the browser allows it only over https"));
    navigator.clipboard.writeText(text).then(
      () => tell(`${what} copied`),
      (thrown: unknown) => tellFailure(`${what} could not be copied`, thrown),
    );
  };
  return (
    <IconButton icon="copy" label={`Copy ${what.toLowerCase()}`} title={`Copy ${what.toLowerCase()}`} onClick={copy} />
  );
}

/** How far something is. */
export function Meter({ value, label }: { value: number; label: string }) {
  const part = Math.round(value * 100);
  return (
    <span class="meter">
      <progress value={value} max={1} aria-label={label} />
      <span class="number small">{part} %</span>
    </span>
  );
}

/** A job, by the part of its id that tells it from its neighbours. */
export function shortId(id: string): string {
  return id.length > 13 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}

/** A description: what stands between backticks is code. */
export function Words({ text }: { text: string }) {
  return <>{text.split("`").map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part))}</>;
}
