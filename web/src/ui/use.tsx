/** How much of what there is, is in use. */
import { count } from "../format/quantity";

export function Use({ value, of, label }: { value: number; of: number; label: string }) {
  return (
    <span class="use">
      <progress value={value} max={Math.max(of, value, 1)} aria-label={label} /> {count(value)} of {count(of)}
    </span>
  );
}
