/** Numbers for people, always with their unit. */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** `12,345` */
export function count(value: number): string {
  return whole.format(value);
}

/** `12,345` up to 99,999, then `123.4K`. */
export function briefCount(value: number): string {
  return Math.abs(value) < 100_000 ? whole.format(value) : short.format(value);
}

/** Three digits that matter: `0.041`, `4.12`, `412`, `4,120`. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001) return "< 0.001";
  if (size >= 100) return whole.format(value);
  return String(Number(value.toPrecision(size >= 10 ? 3 : 2)));
}

/** A rate: `4.1 /s`, `120 /min`, `3 /h`: in the unit in which it is at least one. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0 /s";
  if (perSecond >= 0.995) return `${figure(perSecond)} /s`;
  if (perSecond * 60 >= 0.995) return `${figure(perSecond * 60)} /min`;
  return `${figure(perSecond * 3600)} /h`;
}

/** A part of one: `4.1 %`. */
export function percent(part: number): string {
  const value = part * 100;
  const digits = value > 0 && value < 10 ? 1 : 0;
  return `${Number(value.toFixed(digits))} %`;
}

/** `512 B`, `1.4 KiB`, `230 MiB` */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [size, unit] = [value, 0];
  while (size >= 1024 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 ? size : Number(size.toPrecision(3))} ${units[unit]}`;
}

/** `1 job`, `2 jobs` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
