/** A new task: a form drawn from its platform's schema, or the same as JSON. `?from=` begins with another job's. */
import "./new.css";
import type { components } from "../../api/schema.gen";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { mayAct } from "../../api/system";
import { link, param, setParams } from "../../router";
import { Empty, Read } from "../../ui/note";
import { shortId } from "../../ui/text";
import type { Job } from "../job/live";
import { Compose } from "./compose";
import { type Start, fromJob, fromPlatform } from "./start";

type Platform = components["schemas"]["Platform"];

export default function NewTask() {
  const from = param("from");
  const poll = usePoll(`new ${from}`, 0, async (signal) => {
    const [{ platforms }, job] = await Promise.all([
      get("/platforms/get", {}, { signal }),
      from ? (get("/execution/get", { job_id: from }, { signal, exact: true }) as Promise<Job>) : undefined,
    ]);
    return { platforms, job };
  });
  return (
    <>
      <header class="head">
        <h1>{from ? "Edit and run again" : "New task"}</h1>
      </header>
      {mayAct() ? (
        <Read poll={poll}>
          {({ platforms, job }) => (job ? <Again platforms={platforms} job={job} /> : <Fresh platforms={platforms} />)}
        </Read>
      ) : (
        <Empty title="This collector is read-only">
          Tasks are accepted by another API of it, one without api.read_only.
        </Empty>
      )}
    </>
  );
}

function Fresh({ platforms }: { platforms: readonly Platform[] }) {
  const chosen = platforms.find(({ id }) => id === param("platform"));
  return (
    <div class="stack">
      <label class="field platform-choice">
        <span>Platform</span>
        <select
          class="input"
          value={chosen?.id ?? ""}
          onChange={(event) => setParams({ platform: event.currentTarget.value }, "replace")}
        >
          <option value="">choose…</option>
          {platforms.map(({ id }) => (
            <option key={id}>{id}</option>
          ))}
        </select>
      </label>
      {chosen ? (
        <Begin key={chosen.id} platform={chosen} start={fromPlatform(chosen)} />
      ) : (
        <Offer platforms={platforms} />
      )}
    </div>
  );
}

function Offer({ platforms }: { platforms: readonly Platform[] }) {
  return (
    <ul class="columns offer">
      {platforms.map(({ id, description, pool }) => (
        <li key={id}>
          <a class="card" href={link("new", { platform: id })}>
            <strong class="mono">{id}</strong>
            <span>{description}</span>
            <span class="faint small">pool {pool}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function Again({ platforms, job }: { platforms: readonly Platform[]; job: Job }) {
  const platform = platforms.find(({ id }) => id === job.platform_id);
  if (!platform) {
    return (
      <Empty title="Its platform is gone">
        This collector has no platform <code>{job.platform_id}</code>.{" "}
        <a href={link(`jobs/${job.job_id}`)}>Back to the job</a>
      </Empty>
    );
  }
  const start = fromJob(job);
  return (
    <div class="stack">
      <p class="soft">
        {start.retries ? "It will run as a new job that is linked to " : "It has the settings of "}
        <a href={link(`jobs/${job.job_id}`)}>{shortId(job.job_id)}</a>
        {start.retries
          ? "; its secrets are kept unless you type others."
          : start.lostSecrets
            ? "; secrets are never given back, so type them again."
            : "."}{" "}
        Dates stand as they were resolved then.
      </p>
      <Begin platform={platform} start={start} />
    </div>
  );
}

function Begin({ platform, start }: { platform: Platform; start: Start }) {
  return (
    <>
      <p class="lead">{platform.description}</p>
      <Compose platform={platform} start={start} />
    </>
  );
}
