/** What happened in each step, by the second. */

export type Values = readonly (number | null)[];

/** A step that has only begun says little: it counts as if it had lasted so long, or as a whole one if that is shorter. */
const LEAST_S = 5;

/**
 * `now` and `times`, at which the steps begin, in seconds since 1970: the last step may not be over. If it cannot be going
 * on now, because the clock of the browser is another one, it counts as a whole one.
 */
export function ratesOf(values: Values, times: readonly number[], step_s: number, now: number): Values {
  const end = times.length - 1;
  const begun = now - (times[end] ?? now);
  const last = begun < 0 ? step_s : Math.min(Math.max(begun, LEAST_S), step_s);
  return values.map((value, step) => (value === null ? null : value / (step === end ? last : step_s)));
}
