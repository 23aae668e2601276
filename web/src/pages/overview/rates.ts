/** What happened in each step, by the second. */

export type Values = readonly (number | null)[];

/** A step that has only begun says little: it counts as if it had lasted so long, or as a whole one if that is shorter. */
const LEAST_S = 5;

/** `now` and `times`, at which the steps begin, in seconds since 1970: the last step may not be over. */
export function ratesOf(values: Values, times: readonly number[], step_s: number, now: number): Values {
  return values.map((value, step) => {
    const elapsed = Math.max(now - (times[step] ?? now), LEAST_S);
    return value === null ? null : value / Math.min(elapsed, step_s);
  });
}
