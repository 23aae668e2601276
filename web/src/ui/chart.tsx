/** Lines over time, drawn by uPlot on a canvas; what they say now stands beside them as text. */
import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { absolute, clock, now } from "../format/time";
import { colours, zone } from "../shell/preferences";
import { resolved } from "./colour";

export type Series = {
  name: string;
  values: readonly (number | null)[];
  /** Which colour of the tokens: 1 to 6. */
  colour: 1 | 2 | 3 | 4 | 5 | 6;
  fill?: boolean;
};

export type ChartProps = {
  /** What is drawn, for those who do not see it. */
  label: string;
  /** Seconds since 1970. */
  times: readonly number[];
  series: Series[];
  /** A value with its unit. */
  format: (value: number) => string;
  /** `log` where values differ by orders of magnitude; nothing is zero there. */
  scale?: "linear" | "log";
  height?: number;
};

export function Chart({ label, times, series, format, scale = "linear", height = 160 }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const at = useSignal<number | null>(null);
  const id = useId();
  const shape = series.map((one) => `${one.name}/${one.colour}/${one.fill ?? false}`).join("|");
  const drawn = useRef({ format });
  drawn.current = { format };
  // The shape, the colours or the zone make another plot; new values only another drawing of it.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const options = optionsFor(
      element,
      series,
      height,
      scale,
      (value) => drawn.current.format(value),
      (place) => (at.value = place),
    );
    const made = new uPlot(options, dataOf(times, series), element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [shape, height, colours.value, zone.value]);
  useEffect(() => plot.current?.setData(dataOf(times, series)), [times, series]);
  const place = at.value ?? lastKnown(series);
  return (
    <figure class="chart" aria-labelledby={id}>
      <div class="chart-canvas" ref={frame} style={{ height: `${height}px` }} aria-hidden="true" />
      <figcaption class="chart-legend" id={id}>
        <span class="unseen">{label}: </span>
        {series.map((one) => (
          <span key={one.name}>
            <i class="swatch" style={{ background: `var(--series-${one.colour})` }} />
            {one.name} <b>{shown(one.values[place], format)}</b>
          </span>
        ))}
        <span class="faint number">
          {times[place] === undefined ? "" : clock(times[place] * 1000, zone.value, now.peek())}
        </span>
      </figcaption>
    </figure>
  );
}

function shown(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "–" : format(value);
}

/** The newest point of which anything is known. */
function lastKnown(series: Series[]): number {
  const ends = series.map((one) => one.values.findLastIndex((value) => value !== null));
  return Math.max(0, ...ends);
}

function dataOf(times: readonly number[], series: Series[]): uPlot.AlignedData {
  return [[...times], ...series.map((one) => [...one.values])];
}

function optionsFor(
  element: HTMLElement,
  series: Series[],
  height: number,
  scale: "linear" | "log",
  format: (value: number) => string,
  onPlace: (place: number | null) => void,
): uPlot.Options {
  const colour = (name: string) => resolved(element, name);
  const axis = {
    stroke: colour("--text-faint"),
    font: `11px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth || 300,
    height,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    ...(zone.peek() === "utc"
      ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") }
      : {}),
    scales: { y: scale === "log" ? { distr: 3 } : { range: (_, _low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, size: 26, space: 70, values: timeLabels },
      {
        ...axis,
        size: 64,
        ...(scale === "log" ? { splits: powersOfTen, filter: (_: uPlot, splits: number[]) => splits } : {}),
        values: (_, splits) => splits.map((value) => (value === null ? "" : value === 0 ? "0" : format(value))),
      },
    ],
    series: [
      {},
      ...series.map((one) => ({
        label: one.name,
        stroke: colour(`--series-${one.colour}`),
        width: 1.6,
        ...(one.fill ? { fill: `color-mix(in srgb, ${colour(`--series-${one.colour}`)} 12%, transparent)` } : {}),
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(chart) => onPlace(chart.cursor.idx ?? null)] },
  };
}

/** Few enough lines for a logarithmic scale. */
const powersOfTen = (_: uPlot, __: number, low: number, high: number): number[] => {
  const [from, to] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const every = Math.max(1, Math.ceil((to - from) / 4));
  return Array.from({ length: Math.max(0, Math.floor((to - from) / every) + 1) }, (_, n) => 10 ** (from + n * every));
};

/** `17:05`, with the date above where a day begins. */
const timeLabels: uPlot.Axis.DynamicValues = (_, splits) => {
  const texts = splits.map((seconds) => absolute(seconds * 1000, zone.peek(), false));
  const days = (splits.at(-1) ?? 0) - (splits[0] ?? 0) > 86_400 * 1.5;
  const seconds = (splits[1] ?? 0) - (splits[0] ?? 0) < 60;
  return texts.map((text) => (days ? text.slice(5, 10) : text.slice(11, seconds ? 19 : 16)));
};
