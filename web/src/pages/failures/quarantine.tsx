/** Jobs that killed their process again and again: apart, because nothing of theirs runs again by itself. */
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count, counted } from "../../format/quantity";
import { link } from "../../router";
import { DeathFacts } from "../../ui/death";
import { Icon } from "../../ui/icon";
import { Loading } from "../../ui/note";
import { StatusBadge } from "../../ui/status";
import { Time, shortId } from "../../ui/text";
import { type Group, GroupActions, filterOf, groupId } from "./groups";

/** More groups than these show only their newest job's name. */
const OPEN = 2;

export function Quarantine({ groups, onDone }: { groups: readonly Group[]; onDone: () => void }) {
  const jobs = groups.reduce((sum, group) => sum + group.count, 0);
  return (
    <section class="card quarantine" aria-label="Quarantine">
      <header>
        <Icon name="skull" />
        <h2>Quarantine: {counted(jobs, "job")}</h2>
        <span class="soft small">
          They killed their process again and again. Run again, each runs alone in a process of its own.
        </span>
      </header>
      {groups.map((group, place) => (
        <article key={groupId(group)} data-id={groupId(group)} class="dead-group">
          <header>
            <h3>
              <a href={link("jobs", filterOf(group))}>
                <span class="mono">{group.code}</span> on {group.platform_id}
              </a>
            </h3>
            <span class="number soft">{count(group.count)} dead</span>
            <span class="soft small">
              last <Time at={group.last_at} />
            </span>
            <GroupActions group={group} onDone={onDone} />
          </header>
          {group.latest && <Newest id={group.latest.job_id} open={place < OPEN} />}
        </article>
      ))}
    </section>
  );
}

/** How the process of the newest one died. */
function Newest({ id, open }: { id: string; open: boolean }) {
  const { data, problem } = usePoll(id, 0, (signal) => get("/execution/get", { job_id: id }, { signal }));
  const certificate = data && "certificate" in data ? data.certificate : undefined;
  return (
    <details open={open}>
      <summary>
        The newest: <span class="mono">{shortId(id)}</span>
      </summary>
      <div class="stack">
        {!data && !problem && <Loading lines={2} />}
        {problem && <p class="soft">It cannot be shown: {problem.detail || problem.title}</p>}
        {certificate && <DeathFacts death={certificate} />}
        {data && (
          <p class="row">
            <StatusBadge status={data.status} />
            <a href={link(`jobs/${id}`)}>All about this job</a>
          </p>
        )}
      </div>
    </details>
  );
}
