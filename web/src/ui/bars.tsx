/** How something is shared out: a bar for each part, its value as a number. */
import { count, percent } from "../format/quantity";
import { Line } from "./text";

export type Bar = {
  name: string;
  value: number;
  href?: string;
  /** Of less interest than the others. */ dim?: boolean;
};

type Props = {
  label: string;
  bars: readonly Bar[];
  /** Of which a bar is a part; without it the largest is the measure, and no percentage is shown. */
  total?: number;
};

export function Bars({ label, bars, total }: Props) {
  const largest = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <ul class="bars" aria-label={label}>
      {bars.map(({ name, value, href, dim }) => (
        <li key={name} data-dim={dim && ""}>
          {href ? (
            <a href={href} class="bar-name">
              <Line text={name} />
            </a>
          ) : (
            <span class="bar-name">
              <Line text={name} />
            </span>
          )}
          <span class="bar-track" aria-hidden="true">
            <i style={{ width: `${(100 * value) / largest}%` }} />
          </span>
          <span class="number">
            {count(value)}
            {total !== undefined && total > 0 && <span class="faint"> {percent(value / total)}</span>}
          </span>
        </li>
      ))}
    </ul>
  );
}
