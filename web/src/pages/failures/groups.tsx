/** Groups of failed jobs, the largest first. */
import type { components } from "../../api/schema.gen";
import { mayAct } from "../../api/system";
import { count } from "../../format/quantity";
import { link } from "../../router";
import { ActButton, useActs } from "../../ui/act";
import { StatusBadge } from "../../ui/status";
import { type Column, Table } from "../../ui/table";
import { Line, Time, shortId } from "../../ui/text";
import { carryOut } from "../jobs/bulk";

export type Group = components["schemas"]["FailureGroup"];

export function groupId({ platform_id, code, status }: Group): string {
  return `${platform_id} ${code} ${status}`;
}

/** The jobs of a group, as the list of jobs and the bulk job find them. */
export function filterOf({ platform_id, code, status }: Group) {
  return { platform: platform_id, error: code, status };
}

type GroupsProps = { groups: readonly Group[]; left: ReadonlySet<string>; onDone: () => void };

export function Groups({ groups, left, onDone }: GroupsProps) {
  const largest = Math.max(...groups.map((group) => group.count));
  const columns: Column<Group>[] = [
    { title: "Error", cell: (group) => <ErrorName group={group} /> },
    { title: "Jobs", align: "right", cell: (group) => <Size group={group} largest={largest} /> },
    { title: "How", rank: 2, cell: ({ status }) => <StatusBadge status={status} /> },
    { title: "The last one said", fill: true, cell: (group) => <Latest group={group} /> },
    { title: "Last", rank: 2, align: "right", cell: ({ last_at }) => <Time at={last_at} /> },
    { title: "First kept", rank: 3, align: "right", cell: ({ first_at }) => <Time at={first_at} /> },
    { title: "Actions", align: "right", cell: (group) => <GroupActions group={group} onDone={onDone} /> },
  ];
  return (
    <section class="card" aria-label="Failed jobs by error">
      <header>
        <h2>By platform and error</h2>
      </header>
      <Table
        label="Failures"
        columns={columns}
        rows={groups}
        id={groupId}
        href={(group) => link("jobs", filterOf(group))}
        left={left}
        keyboard
      />
    </section>
  );
}

function ErrorName({ group }: { group: Group }) {
  return (
    <>
      <a class="mono" href={link("jobs", filterOf(group))}>
        {group.code}
      </a>
      <div class="faint small">
        <Line text={group.platform_id} />
      </div>
    </>
  );
}

function Size({ group, largest }: { group: Group; largest: number }) {
  return (
    <span class="use">
      <progress value={group.count} max={largest} aria-label="Part of the largest group" /> {count(group.count)}
    </span>
  );
}

function Latest({ group: { latest } }: { group: Group }) {
  if (!latest) return <span class="faint">it was deleted</span>;
  return (
    <>
      {latest.error && <Line text={latest.error.message} />}
      <a class="mono small" href={link(`jobs/${latest.job_id}`)} title={latest.job_id}>
        {shortId(latest.job_id)}
      </a>
    </>
  );
}

/** How many it is about is counted and shown before anything is done. */
export function GroupActions({ group, onDone }: { group: Group; onDone: () => void }) {
  const acts = useActs();
  if (!mayAct()) return null;
  const act = async (action: "retry" | "delete") => {
    if (await carryOut(action, { filter: filterOf(group) }, Object.entries(filterOf(group)))) onDone();
  };
  return (
    <span class="group-actions">
      <ActButton acts={acts} name="retry" icon="again" label={`Run again: ${groupId(group)}`} act={() => act("retry")}>
        Run again
      </ActButton>
      <ActButton
        acts={acts}
        name="delete"
        icon="trash"
        label={`Delete: ${groupId(group)}`}
        title="Delete these jobs"
        act={() => act("delete")}
      />
    </span>
  );
}
