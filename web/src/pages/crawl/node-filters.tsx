/** What narrows the list of nodes; all of it stands in the address. */
import { useState } from "preact/hooks";
import { param, setParams } from "../../router";
import type { Stats } from "./figures";

const STATES = [
  ["live", "Live"],
  ["candidate", "Candidates"],
  ["gone", "Gone"],
] as const;
type State = (typeof STATES)[number][0];

const AGES: [string, string][] = [
  ["", "Answered at any time"],
  ["PT5M", "in the last 5 min"],
  ["PT1H", "in the last hour"],
  ["P1D", "in the last day"],
];

export function filterOfNodes() {
  const state: State = STATES.find(([one]) => one === param("state"))?.[0] ?? "live";
  const fresh = Number(param("fresh"));
  return {
    state,
    fork: param("fork") || undefined,
    client: param("client") || undefined,
    subnet: param("subnet") || undefined,
    freshness_min: Number.isInteger(fresh) && fresh > 0 ? fresh : undefined,
    seen_since: param("seen") || undefined,
  };
}

function narrow(changes: Record<string, string | undefined>): void {
  setParams({ ...changes, cursor: undefined });
}

export function NodeFilters({ stats }: { stats: Stats | undefined }) {
  const { state } = filterOfNodes();
  return (
    <header class="node-filters">
      <div class="segments" role="group" aria-label="State">
        {STATES.map(([one, text]) => (
          <button
            type="button"
            key={one}
            aria-pressed={one === state}
            onClick={() => narrow({ state: one === "live" ? undefined : one })}
          >
            {text}
          </button>
        ))}
      </div>
      <Choice name="client" any="Any client" of={stats?.clients} />
      <Choice name="fork" any="Any fork" of={stats?.forks} />
      <select
        class="input crawl-choice"
        aria-label="Answered"
        value={param("seen")}
        onChange={(event) => narrow({ seen: event.currentTarget.value })}
      >
        {AGES.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Typed name="subnet" label="Subnet" placeholder="192.0.2.0/24" />
      <Typed name="fresh" label="Least freshness" placeholder="freshness ≥" number />
    </header>
  );
}

function Choice({ name, any, of }: { name: string; any: string; of: Readonly<Record<string, number>> | undefined }) {
  const value = param(name);
  const known = Object.entries(of ?? {})
    .filter(([one]) => one !== "other")
    .sort(([, one], [, other]) => other - one);
  const options = value && !known.some(([one]) => one === value) ? [[value, undefined] as const, ...known] : known;
  return (
    <select
      class="input crawl-choice"
      aria-label={name}
      value={value}
      onChange={(event) => narrow({ [name]: event.currentTarget.value })}
    >
      <option value="">{any}</option>
      {options.map(([one, many]) => (
        <option key={one} value={one}>
          {one}
          {many !== undefined && ` (${many})`}
        </option>
      ))}
    </select>
  );
}

/** Holds when Enter is pressed or the field is left. */
function Typed({
  name,
  label,
  placeholder,
  number,
}: {
  name: string;
  label: string;
  placeholder: string;
  number?: boolean;
}) {
  const value = param(name);
  const [typed, setTyped] = useState({ of: value, text: value });
  const text = typed.of === value ? typed.text : value;
  const hold = () => text.trim() !== value && narrow({ [name]: text.trim() });
  return (
    <input
      class="input crawl-typed"
      type="search"
      inputMode={number ? "numeric" : "text"}
      aria-label={label}
      placeholder={placeholder}
      maxLength={80}
      value={text}
      onInput={(event) => setTyped({ of: value, text: event.currentTarget.value })}
      onBlur={hold}
      onKeyDown={(event) => event.key === "Enter" && hold()}
    />
  );
}
