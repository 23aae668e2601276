/** A field that finds jobs, and words to filter by; what is chosen is added to the filters there are. */
import { useId, useState } from "preact/hooks";
import { useHits } from "../../api/hits";
import type { Hit } from "../../api/search";
import { briefCount } from "../../format/quantity";
import { go, setParams } from "../../router";
import { StatusBadge } from "../../ui/status";
import { jobHref } from "./columns";
import { NAMES } from "./filter";

export function Finder() {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const { hits, none, enter } = useHits(typed, () => choose(hits[at]));
  const id = useId();
  const choose = (hit: Hit | undefined) => {
    if (!hit) return;
    setTyped("");
    if (hit.kind === "job") go(jobHref({ job_id: hit.value }));
    else setParams({ [hit.kind]: hit.value, cursor: undefined });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0) {
      event.preventDefault();
      setAt(Math.min(Math.max(at + by, 0), hits.length - 1));
    } else if (event.key === "Enter") enter();
    else if (event.key === "Escape") setTyped("");
  };
  return (
    <div class="finder">
      <input
        class="input"
        role="combobox"
        aria-label="Find jobs"
        aria-expanded={hits.length > 0}
        aria-controls={id}
        aria-activedescendant={hits[at] ? `${id}-${at}` : undefined}
        placeholder="Job id, own id, label or error code"
        autocomplete="off"
        spellcheck={false}
        maxLength={200}
        value={typed}
        onInput={(event) => (setTyped(event.currentTarget.value), setAt(0))}
        onKeyDown={onKeyDown}
        onBlur={() => setTyped("")}
      />
      <ul id={id} role="listbox" aria-label="Found" hidden={hits.length === 0}>
        {hits.map((hit, place) => (
          // The field must not lose the focus before the click has come.
          <li
            key={`${hit.kind} ${hit.value}`}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === at}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(hit)}
            onMouseMove={() => setAt(place)}
          >
            <span class="faint small">{hit.kind === "job" ? "job" : NAMES[hit.kind]}</span>
            <bdi>{hit.value}</bdi>
            {hit.job ? (
              <StatusBadge status={hit.job.status} />
            ) : (
              <span class="faint small number">{briefCount(hit.count)}</span>
            )}
          </li>
        ))}
      </ul>
      <p class="none" role="status" hidden={!none}>
        {none}
      </p>
    </div>
  );
}
