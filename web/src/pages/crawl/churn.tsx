/** How a network changes from epoch to epoch. */
import { useMemo } from "preact/hooks";
import { figure } from "../../format/quantity";
import { duration } from "../../format/time";
import { Chart, type Series } from "../../ui/chart";
import { Empty } from "../../ui/note";
import type { Stats } from "./figures";

/** Fewer do not make a line. */
const LEAST = 2;

export function Churn({ stats }: { stats: Stats }) {
  const { times, charts } = useMemo(() => drawn(stats), [stats]);
  if (times.length < LEAST) {
    return (
      <Empty title="Too early" icon="clock">
        What came and went is drawn once {LEAST} epochs have ended.
      </Empty>
    );
  }
  return (
    <div class="columns">
      {charts.map(({ title, format, series }) => (
        <section class="card" key={title}>
          <header>
            <h2>{title}</h2>
          </header>
          <div class="body">
            <Chart label={title} times={times} series={series} format={format} />
          </div>
        </section>
      ))}
    </div>
  );
}

type Drawn = { title: string; format: (value: number) => string; series: Series[] };

function drawn({ epochs }: Stats): { times: number[]; charts: Drawn[] } {
  const ended = epochs.filter((epoch) => epoch.closed_at !== undefined);
  const times = ended.map((epoch) => Math.round((epoch.closed_at ?? 0) / 1000));
  // What an epoch does not tell of did not happen in it.
  const of = (name: string) => ended.map((epoch) => epoch[name] ?? 0);
  const sum = (one: number[], other: number[]) => one.map((value, place) => value + (other[place] ?? 0));
  const part = (some: number[], all: number[]) =>
    some.map((value, place) => (all[place] ? (100 * value) / all[place] : null));
  const [answered, silent] = [of("answered"), of("silent")];
  return {
    times,
    charts: [
      { title: "Live nodes", format: figure, series: [{ name: "live", values: of("live"), colour: 1, fill: true }] },
      {
        title: "Coming and going, by epoch",
        format: figure,
        series: [
          { name: "found", values: of("found"), colour: 2 },
          { name: "newer record", values: of("updated"), colour: 1 },
          { name: "left", values: of("left"), colour: 5 },
        ],
      },
      {
        title: "Nodes that answered, of those asked",
        format: (value) => `${figure(value)} %`,
        series: [{ name: "answered", values: part(answered, sum(answered, silent)), colour: 2, fill: true }],
      },
      {
        title: "An epoch took",
        format: duration,
        series: [
          {
            name: "took",
            values: ended.map(({ closed_at, started_at }) =>
              closed_at !== undefined && started_at !== undefined ? closed_at - started_at : null,
            ),
            colour: 4,
            fill: true,
          },
        ],
      },
    ],
  };
}
