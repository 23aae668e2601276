/** Acts on the selected jobs, or on all that the filter finds; how many that are is said before. */
import type { components } from "../../api/schema.gen";
import { useState } from "preact/hooks";
import { post } from "../../api/client";
import { briefCount, count, counted } from "../../format/quantity";
import { place } from "../../router";
import { confirm } from "../../shell/confirm";
import { tell, tellFailure } from "../../shell/toasts";
import { ActButton, useActs } from "../../ui/act";
import type { IconName } from "../../ui/icon";
import { type Status, isTerminal } from "../../ui/status";
import { jobHref } from "./columns";
import { NAMES, filterNow, filtersOf } from "./filter";

type Bulk = components["schemas"]["Bulk"];
type Action = Bulk["action"];
type Total = components["schemas"]["Total"];

const ACTIONS: {
  action: Action;
  text: string;
  icon: IconName;
  danger?: boolean;
  on: (status: Status) => boolean;
  warns: string;
}[] = [
  {
    action: "cancel",
    text: "Cancel",
    icon: "stop",
    danger: true,
    on: (status) => !isTerminal(status),
    warns: "Waiting ones are cancelled at once; running ones are told to stop.",
  },
  {
    action: "retry",
    text: "Run again",
    icon: "again",
    on: (status) => isTerminal(status) && status !== "succeeded",
    warns: "Each is run again as a new job, linked to the old one.",
  },
  {
    action: "delete",
    text: "Delete",
    icon: "trash",
    danger: true,
    on: isTerminal,
    warns: "Their results, datasets and logs are gone then.",
  },
];

type Props = {
  picked: ReadonlySet<string>;
  total: Total | undefined;
  onPick: (ids: ReadonlySet<string>) => void;
  onDone: () => void;
};

export function BulkBar({ picked, total, onPick, onDone }: Props) {
  // All were asked for with certain jobs selected: whoever selects others has not asked.
  const [allOf, setAllOf] = useState<ReadonlySet<string>>();
  const acts = useActs();
  if (picked.size === 0) return null;
  const status = place.value.query.get("status") as Status | null;
  const all = allOf === picked;
  const act = async (action: Action) => {
    const about = all ? { filter: filterNow(place.value.query) } : { job_ids: [...picked] };
    if (await carryOut(action, about, all ? filtersOf(place.value.query) : undefined)) onDone();
  };
  return (
    <header class="bulk" role="group" aria-label="Selected jobs">
      <strong class="number">
        {all
          ? `All ${total ? `${total.exact ? "" : "at least "}${briefCount(total.count)} ` : ""}matching jobs`
          : `${counted(picked.size, "job")} selected`}
      </strong>
      {!all && total && total.count > picked.size && (
        <button type="button" class="button" data-kind="link" onClick={() => setAllOf(picked)}>
          Select all {total.exact ? "" : "at least "}
          {briefCount(total.count)} that match
        </button>
      )}
      <span class="buttons">
        {ACTIONS.filter(({ on }) => status === null || on(status)).map(({ action, text, icon, danger }) => (
          <ActButton
            key={action}
            acts={acts}
            name={action}
            icon={icon}
            kind={danger ? "danger" : undefined}
            act={() => act(action)}
          >
            {text}
          </ActButton>
        ))}
        <button type="button" class="button" data-kind="plain" onClick={() => onPick(new Set())}>
          Clear selection
        </button>
      </span>
    </header>
  );
}

/** Counts, asks, acts; whether it did. */
export async function carryOut(
  action: Action,
  about: Pick<Bulk, "filter" | "job_ids">,
  filters: [string, string][] | undefined,
): Promise<boolean> {
  const { text, warns, danger } = ACTIONS.find((one) => one.action === action) ?? { text: action, warns: "" };
  try {
    const counted = await post("/execution/bulk", { body: { action, ...about, dry_run: true } as Bulk });
    if (!("matching" in counted)) return false;
    if (counted.matching === 0) {
      tell(`None of these jobs can be asked to ${text.toLowerCase()} where they stand.`);
      return false;
    }
    const jobs = `${counted.exact ? "" : "at least "}${count(counted.matching)} ${counted.matching === 1 ? "job" : "jobs"}`;
    if (
      !(await confirm({
        title: `${text} ${jobs}?`,
        body: <About warns={warns} filters={filters} />,
        action: `${text} ${jobs}`,
        danger: danger ?? false,
      }))
    )
      return false;
    const started = await post("/execution/bulk", { body: { action, ...about } as Bulk });
    if ("job_id" in started) {
      tell(
        <>
          {text}: {jobs}. <a href={jobHref(started)}>Watch how far it is</a>
        </>,
      );
    }
    return true;
  } catch (thrown) {
    tellFailure(`${text}: that did not work`, thrown);
    return false;
  }
}

/** What will happen, and to which jobs. */
function About({ warns, filters }: { warns: string; filters: [string, string][] | undefined }) {
  const meant =
    filters?.map(([name, value]) => `${NAMES[name]} ${value}`).join(", ") || "no filter holds, so all jobs are meant";
  return (
    <div class="stack">
      <p>{warns}</p>
      {filters && (
        <p>
          Meant are all that match now: <bdi class="wrap">{meant}</bdi>.
        </p>
      )}
    </div>
  );
}
