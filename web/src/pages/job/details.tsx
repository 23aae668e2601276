/** The larger parts of a job, one at a time; which one stands in the address. */
import { param, setParams } from "../../router";
import { Json } from "../../ui/json";
import { Copy } from "../../ui/text";
import { Dataset } from "./dataset";
import { Hash } from "./hash";
import type { Job } from "./live";
import { Log } from "./log";

const PARTS = [
  ["log", "Log"],
  ["processed", "Processed data"],
  ["original", "Original data"],
  ["settings", "Settings"],
  ["hash", "Raw hash"],
] as const;
type Part = (typeof PARTS)[number][0];

export function Details({ job, logged }: { job: Job; logged: number }) {
  const asked = param("part");
  const part: Part = PARTS.find(([name]) => name === asked)?.[0] ?? "log";
  return (
    <section class="card" aria-label="Details">
      <header class="parts">
        <div class="segments" role="group" aria-label="Part">
          {PARTS.map(([name, text]) => (
            <button
              type="button"
              key={name}
              aria-pressed={name === part}
              onClick={() => setParams({ part: name, offset: undefined }, "replace")}
            >
              {text}
            </button>
          ))}
        </div>
      </header>
      {part === "log" && <Log key={job.job_id} job={job} logged={logged} />}
      {(part === "original" || part === "processed") && <Dataset key={part} job={job} name={part} />}
      {part === "settings" && <Settings job={job} />}
      {part === "hash" && <Hash job={job} />}
    </section>
  );
}

/** As accepted: dates with what they were resolved to, secrets masked. */
function Settings({ job }: { job: Job }) {
  const shown = { settings: job.settings, options: job.options, ...(job.metadata ? { metadata: job.metadata } : {}) };
  return (
    <div class="body stack">
      <div class="row">
        <span class="soft">As accepted: a date with the value that its phrase was resolved to, a secret as ••••.</span>
        <Copy text={JSON.stringify(shown, null, 2)} what="Settings" />
      </div>
      <Json value={shown} open={3} />
    </div>
  );
}
