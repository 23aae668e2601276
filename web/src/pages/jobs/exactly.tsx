/** The filters that are typed as they are: words in full, and times to the second. */
import { useState } from "preact/hooks";
import { param, setParams } from "../../router";
import { zone } from "../../shell/preferences";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { NAMES, TIMES } from "./filter";

const TYPED = ["label", "_id", "error"] as const;

export function Exactly() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Icon name="filter" /> More filters
      </button>
      {open && <Form onClose={() => setOpen(false)} />}
    </>
  );
}

function Form({ onClose }: { onClose: () => void }) {
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const changes: Record<string, string | undefined> = { cursor: undefined };
    for (const name of TYPED) changes[name] = String(form.get(name) ?? "").trim() || undefined;
    for (const name of TIMES) changes[name] = instant(String(form.get(name) ?? ""));
    setParams(changes);
    onClose();
  };
  return (
    <Dialog title="More filters" onClose={onClose}>
      <form class="stack" onSubmit={apply}>
        {TYPED.map((name) => (
          <label class="field" key={name}>
            <span>{NAMES[name]}</span>
            <input
              class="input"
              name={name}
              defaultValue={param(name)}
              maxLength={200}
              autocomplete="off"
              spellcheck={false}
            />
          </label>
        ))}
        <div class="columns two">
          {TIMES.map((name) => (
            <label class="field" key={name}>
              <span>
                {NAMES[name]} <span class="faint">({zone.value === "utc" ? "UTC" : "local time"})</span>
              </span>
              <input class="input" type="datetime-local" step={1} name={name} defaultValue={typed(param(name))} />
            </label>
          ))}
        </div>
        <div class="buttons">
          <button type="button" class="button" onClick={onClose}>
            Leave as it is
          </button>
          <button type="submit" class="button" data-kind="main">
            Filter
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What a field of the chosen zone means. */
function instant(text: string): string | undefined {
  if (!text) return undefined;
  const at = new Date(zone.value === "utc" ? `${text}Z` : text);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** A time as a field of the chosen zone takes it. */
function typed(iso: string): string {
  const at = new Date(iso);
  if (!iso || Number.isNaN(at.getTime())) return "";
  const offset = zone.value === "utc" ? 0 : at.getTimezoneOffset();
  return new Date(at.getTime() - offset * 60_000).toISOString().slice(0, 19);
}
