/** The figures of this moment. */
import type { components } from "../../api/schema.gen";
import { briefCount, percent, rate } from "../../format/quantity";
import { duration, now } from "../../format/time";
import { link } from "../../router";
import { Figure, Figures as Row } from "../../ui/figure";

type Stats = components["schemas"]["QueueStats"];
type Pool = components["schemas"]["PoolStats"];

export function Figures({ stats }: { stats: Stats }) {
  const pools = Object.values(stats.pools);
  const sum = (of: (pool: Pool) => number) => pools.reduce((total, pool) => total + of(pool), 0);
  const oldest = pools
    .map((pool) => pool.oldest_queued_at)
    .filter((at) => at !== undefined)
    .sort()[0];
  const failures = stats.finished.failed + stats.finished.timed_out + stats.finished.dead;
  return (
    <Row>
      <Figure
        title="Waiting"
        href={link("jobs", { status: "queued" })}
        note={oldest ? `oldest for ${duration(Math.max(0, now.value - Date.parse(oldest)))}` : "nobody waits"}
      >
        {briefCount(sum((pool) => pool.queued))}
      </Figure>
      <Figure
        title="Running"
        href={link("jobs", { status: "running" })}
        note={`of ${briefCount(sum((pool) => pool.slots))} slots`}
      >
        {briefCount(sum((pool) => pool.running))}
      </Figure>
      <Figure title="Later" note={<Later />}>
        {briefCount(sum((pool) => pool.delayed))}
      </Figure>
      <Figure title="Ended" note="over the last minute">
        {rate(stats.throughput_per_s)}
      </Figure>
      <Figure
        title="Failing"
        href={link("jobs", { status: "failed" })}
        note={`${briefCount(failures)} failed are kept`}
      >
        {stats.throughput_per_s > 0 ? percent(stats.failed_per_s / stats.throughput_per_s) : "–"}
      </Figure>
      <Figure
        title="Pick-up"
        note={stats.pickup_ms.p99 === null ? "no job was picked up lately" : `p99 ${duration(stats.pickup_ms.p99)}`}
      >
        {stats.pickup_ms.p50 === null ? "–" : duration(stats.pickup_ms.p50)}
      </Figure>
    </Row>
  );
}

/** A filter of jobs has one status. */
function Later() {
  return (
    <>
      <a href={link("jobs", { status: "scheduled" })}>scheduled</a>,{" "}
      <a href={link("jobs", { status: "retrying" })}>retrying</a>,{" "}
      <a href={link("jobs", { status: "snoozed" })}>snoozed</a>
    </>
  );
}
