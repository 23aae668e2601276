/** What narrows the list: a field that finds, choices, and exact words; each filter that holds is a chip. */
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { absolute } from "../../format/time";
import { param, place, setParams } from "../../router";
import { zone } from "../../shell/preferences";
import { Icon } from "../../ui/icon";
import { AGES, AGE_MS, NAMES, TIMES, WORDS, filtersOf, isAge } from "./filter";
import { Finder } from "./finder";
import { Exactly } from "./exactly";

export function Filters() {
  const platforms = usePoll("platforms", 0, (signal) => get("/platforms/get", {}, { signal })).data?.platforms ?? [];
  const pools = [...new Set(platforms.map((platform) => platform.pool))].sort();
  return (
    <div class="stack filters">
      <div class="row">
        <Finder />
        <Choice name="platform" any="Any platform" options={platforms.map(({ id }) => [id, id])} />
        <Choice name="pool" any="Any pool" options={pools.map((pool) => [pool, pool])} />
        <Ages />
        <Exactly />
      </div>
      <Chips />
    </div>
  );
}

function Choice({ name, any, options }: { name: string; any: string; options: [value: string, text: string][] }) {
  const value = param(name);
  const all =
    value && !options.some(([one]) => one === value) ? [...options, [value, value] as [string, string]] : options;
  return (
    <select
      class="input choice"
      aria-label={NAMES[name]}
      value={value}
      onChange={(event) => setParams({ [name]: event.currentTarget.value, cursor: undefined })}
    >
      <option value="">{any}</option>
      {all.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** When they were created or finished, roughly. */
function Ages() {
  const value =
    filtersOf(place.value.query)
      .find(([name]) => isAge(name))
      ?.join(" ") ?? "";
  const choose = (chosen: string) => {
    const [name, age] = chosen.split(" ");
    setParams({ created: undefined, finished: undefined, cursor: undefined, ...(name ? { [name]: age } : {}) });
  };
  return (
    <select
      class="input choice"
      aria-label="time"
      value={value}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      <option value="">Any time</option>
      {AGES.map((name) => (
        <optgroup key={name} label={name === "created" ? "Created" : "Finished"}>
          {Object.keys(AGE_MS).map((age) => (
            <option key={age} value={`${name} ${age}`}>
              {name} in the last {age}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}

function Chips() {
  const filters = filtersOf(place.value.query).filter(([name]) => name !== "status");
  if (filters.length === 0) return null;
  const clear = Object.fromEntries(
    [...WORDS, ...AGES, ...TIMES].filter((name) => name !== "status").map((name) => [name, undefined]),
  );
  return (
    <div class="chips" aria-label="Filters">
      {filters.map(([name, value]) => {
        const text = TIMES.some((one) => one === name) ? absolute(Date.parse(value), zone.value, false) : value;
        return (
          <span class="chip" key={name}>
            <span class="faint">{NAMES[name]}</span> <bdi>{text}</bdi>
            <button
              type="button"
              aria-label={`Remove the filter ${NAMES[name]}`}
              onClick={() => setParams({ [name]: undefined, cursor: undefined })}
            >
              <Icon name="close" size={10} />
            </button>
          </span>
        );
      })}
      <button
        type="button"
        class="button small"
        data-kind="link"
        onClick={() => setParams({ ...clear, cursor: undefined })}
      >
        Clear
      </button>
    </div>
  );
}
