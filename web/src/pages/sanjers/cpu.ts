/** How much processor time sanjers use now, from what they say at two moments. */
import { figure } from "../../format/quantity";

type Reading = { at: number; cpu: number };
type Read = { readonly sanjer: string; readonly cpu_s?: number | undefined };

/** They tell it with their heartbeats; over so long there are enough of them for a rate. */
const WINDOW_MS = 15_000;
const LEAST_MS = 3000;

export class CpuMeter {
  private readings = new Map<string, Reading[]>();

  /** Takes what they say at a moment (ms of any clock); those not among them are forgotten. */
  read(sanjers: readonly Read[], at: number): void {
    const next = new Map<string, Reading[]>();
    for (const { sanjer, cpu_s } of sanjers) {
      if (cpu_s === undefined) continue;
      const before = (this.readings.get(sanjer) ?? []).filter((reading) => at - reading.at <= WINDOW_MS);
      next.set(sanjer, [...before, { at, cpu: cpu_s }]);
    }
    this.readings = next;
  }

  /** Cores in use; undefined until two readings are far enough apart. */
  rate(sanjer: string): number | undefined {
    const readings = this.readings.get(sanjer);
    const [first, last] = [readings?.[0], readings?.at(-1)];
    if (!first || !last || last.at - first.at < LEAST_MS) return undefined;
    return Math.max(0, last.cpu - first.cpu) / ((last.at - first.at) / 1000);
  }
}

/** `0.42 cores` */
export function cores(rate: number | undefined): string {
  if (rate === undefined) return "–";
  const shown = rate < 0.005 ? "0" : figure(rate);
  return `${shown} ${shown === "1" ? "core" : "cores"}`;
}
