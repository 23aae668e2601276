/** The same over time, from the history that the collector keeps. */
import { useMemo } from "preact/hooks";
import type { components } from "../../api/schema.gen";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { figure, rate } from "../../format/quantity";
import { duration } from "../../format/time";
import { param, setParams } from "../../router";
import { Chart, type Series } from "../../ui/chart";
import { Read } from "../../ui/note";
import { type Values, ratesOf } from "./rates";

type History = components["schemas"]["QueueHistory"];

const SPANS = { "15m": ["15 min", 5000], "24h": ["24 h", 60_000], "7d": ["7 days", 300_000] } as const;
type SpanName = keyof typeof SPANS;

export function Charts({ pools }: { pools: string[] }) {
  const span: SpanName = Object.hasOwn(SPANS, param("span")) ? (param("span") as SpanName) : "15m";
  const pool = param("pool") || undefined;
  const history = usePoll(`${span} ${pool ?? ""}`, SPANS[span][1], (signal) =>
    get("/queue/history", { span, pool }, { signal }),
  );
  return (
    <section class="stack" aria-label="Over time">
      <div class="row">
        <div class="segments" role="group" aria-label="Span">
          {Object.entries(SPANS).map(([name, [text]]) => (
            <button type="button" key={name} aria-pressed={name === span} onClick={() => setParams({ span: name })}>
              {text}
            </button>
          ))}
        </div>
        {pools.length > 1 && (
          <select
            class="input pool-choice"
            aria-label="Pool"
            value={pool ?? ""}
            onChange={(event) => setParams({ pool: event.currentTarget.value })}
          >
            <option value="">All pools</option>
            {pools.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </div>
      <Read poll={history} lines={8}>
        {(data) => <Grid history={data} at={history.at ?? Date.now()} />}
      </Read>
    </section>
  );
}

/** `at`: when it was read, ms since 1970. */
function Grid({ history, at }: { history: History; at: number }) {
  const { times, charts } = useMemo(() => drawn(history, at), [history]);
  return (
    <div class="columns charts">
      {charts.map(({ title, format, series, scale }) => (
        <section class="card" key={title}>
          <header>
            <h2>{title}</h2>
          </header>
          <div class="body">
            <Chart label={title} times={times} series={series} format={format} {...(scale ? { scale } : {})} />
          </div>
        </section>
      ))}
    </div>
  );
}

type Drawn = { title: string; scale?: "log"; format: (value: number) => string; series: Series[] };

function drawn({ from, step_s, points, series }: History, at: number): { times: number[]; charts: Drawn[] } {
  const start = Date.parse(from) / 1000;
  const times = Array.from({ length: points }, (_, step) => start + step * step_s);
  const { finished } = series;
  const perSecond = (values: Values) => ratesOf(values, times, step_s, at / 1000);
  const bad = finished.failed.map((value, step) => sum(value, finished.timed_out[step], finished.dead[step]));
  const charts: Drawn[] = [
    {
      title: "Ended jobs",
      format: rate,
      series: [
        { name: "succeeded", values: perSecond(finished.succeeded), colour: 2, fill: true },
        { name: "failed", values: perSecond(bad), colour: 5 },
        { name: "cancelled", values: perSecond(finished.cancelled), colour: 6 },
      ],
    },
    {
      title: "Waiting and running",
      format: figure,
      series: [
        { name: "waiting", values: series.queued, colour: 3, fill: true },
        { name: "running", values: series.running, colour: 1 },
        { name: "later", values: series.delayed, colour: 6 },
      ],
    },
    { title: "Pick-up", scale: "log", format: duration, series: percentiles(series.pickup_ms) },
    { title: "Runs took", scale: "log", format: duration, series: percentiles(series.duration_ms) },
    {
      title: "Oldest waiting job",
      format: (seconds) => duration(seconds * 1000),
      series: [{ name: "had waited", values: series.oldest_s, colour: 3, fill: true }],
    },
    {
      title: "Failing part",
      format: (part) => `${figure(part)} %`,
      series: [
        {
          name: "failed of ended",
          values: bad.map((value, step) => partOf(value, finished.succeeded[step])),
          colour: 5,
          fill: true,
        },
      ],
    },
  ];
  return { times, charts };
}

function percentiles({ p50, p95, p99 }: History["series"]["pickup_ms"]): Series[] {
  return [
    { name: "p50", values: p50.map(visible), colour: 1 },
    { name: "p95", values: p95.map(visible), colour: 4 },
    { name: "p99", values: p99.map(visible), colour: 3 },
  ];
}

/** A logarithmic scale has no zero. */
function visible(ms: number | null): number | null {
  return ms === null ? null : Math.max(ms, 0.01);
}

function sum(...values: (number | null | undefined)[]): number | null {
  return values.reduce<number | null>(
    (total, value) => (value === null || value === undefined ? total : (total ?? 0) + value),
    null,
  );
}

/** In percent; 0 where nothing ended. */
function partOf(bad: number | null, good: number | null | undefined): number | null {
  if (bad === null || good === null || good === undefined) return null;
  return bad + good === 0 ? 0 : (100 * bad) / (bad + good);
}
