/** A death certificate: how a process died, as the kernel and its supervisor know it. */
import type { ComponentChildren } from "preact";
import type { components } from "../api/schema.gen";
import { bytes } from "../format/quantity";
import { duration } from "../format/time";
import { Prose } from "./text";

/** What certificates of jobs and of sanjers have in common. */
export type Death = Omit<components["schemas"]["Certificate"], "lease" | "progress" | "message">;

export function DeathFacts({
  death,
  children,
}: {
  death: Death;
  /** Further facts: pairs of `dt` and `dd`. */ children?: ComponentChildren;
}) {
  const used = [
    death.peak_rss_bytes !== undefined && `${bytes(death.peak_rss_bytes)} at most`,
    death.cpu_s !== undefined && `${duration(death.cpu_s * 1000)} of processor time`,
    death.wall_s !== undefined && `lived ${duration(death.wall_s * 1000)}`,
  ].filter(Boolean);
  return (
    <>
      <dl class="facts">
        <dt>Cause</dt>
        <dd>
          <strong>
            <Prose text={death.cause} />
          </strong>
          {death.oom && ", for want of memory (the kernel killed it)"}
        </dd>
        {death.killed_because && (
          <>
            <dt>Killed because</dt>
            <dd>
              <Prose text={death.killed_because} />
            </dd>
          </>
        )}
        <dt>Sanjer</dt>
        <dd>
          <bdi class="mono">{death.sanjer}</bdi>
        </dd>
        {children}
        <dt>It used</dt>
        <dd>{used.join(", ") || "not known"}</dd>
      </dl>
      {death.stderr && death.stderr.length > 0 && (
        <div>
          <h3>The last it wrote on standard error</h3>
          <pre class="wrap pane" tabIndex={0}>
            {death.stderr.join("\n")}
          </pre>
        </div>
      )}
    </>
  );
}
