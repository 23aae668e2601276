/** Sanjers that died, the last first, each with its certificate. */
import { useState } from "preact/hooks";
import type { components } from "../../api/schema.gen";
import { counted } from "../../format/quantity";
import { link } from "../../router";
import { DeathFacts } from "../../ui/death";
import { Icon } from "../../ui/icon";
import { Badge } from "../../ui/status";
import { Line, Time, shortId } from "../../ui/text";

type Death = components["schemas"]["SanjerDeath"];

/** Shown at first; the API keeps a hundred. */
const FIRST = 10;

export function Deaths({ deaths }: { deaths: readonly Death[] }) {
  const [shown, setShown] = useState(FIRST);
  return (
    <section class="card" aria-label="Deaths">
      <header>
        <Icon name="skull" />
        <h2>Deaths</h2>
        <span class="soft small">{deaths.length === 0 ? "" : `the last ${deaths.length}, newest first`}</span>
      </header>
      {deaths.length === 0 && (
        <p class="body soft">No sanjer has died. One that is told to end is not counted as dead.</p>
      )}
      {deaths.slice(0, shown).map((death) => (
        <DeathCard key={death.sanjer} death={death} />
      ))}
      {deaths.length > shown && (
        <footer class="pager">
          <span>{deaths.length - shown} more are kept</span>
          <button type="button" class="button" onClick={() => setShown(deaths.length)}>
            Show all
          </button>
        </footer>
      )}
    </section>
  );
}

function DeathCard({ death }: { death: Death }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="death folds" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="death-cause">
          <Line text={death.cause} />
        </span>
        {death.oom && <Badge news="grave">out of memory</Badge>}
        {death.killed_because && <Badge news="warn">killed by its supervisor</Badge>}
        <span class="faint small death-where">
          <Line text={[death.pool, death.host].filter(Boolean).join(" on ")} />
        </span>
        <span class="soft small">{counted(death.jobs, "job")}</span>
        <Time at={death.at} />
      </summary>
      {open && (
        <div class="body stack">
          <DeathFacts death={death}>
            <dt>Died</dt>
            <dd>
              <Time at={death.at} as="full" />
            </dd>
            <dt>It held</dt>
            <dd>{death.jobs === 0 ? "no job" : <HeldJobs death={death} />}</dd>
          </DeathFacts>
        </div>
      )}
    </details>
  );
}

function HeldJobs({ death: { jobs, job_ids } }: { death: Death }) {
  return (
    <span class="sanjer-jobs">
      {job_ids.map((job) => (
        <a key={job} class="mono" href={link(`jobs/${job}`)} title={job}>
          {shortId(job)}
        </a>
      ))}
      {jobs > job_ids.length && <span class="faint small">+{jobs - job_ids.length}</span>}
    </span>
  );
}
