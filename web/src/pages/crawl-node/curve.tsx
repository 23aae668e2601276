/** How fresh a node was at the end of the last epochs: a column each. */
import { counted } from "../../format/quantity";

export function Curve({ values }: { values: readonly number[] }) {
  const highest = Math.max(1, ...values);
  const first = values[0] ?? 0;
  const last = values.at(-1) ?? 0;
  return (
    <section class="card" aria-label="Freshness">
      <header>
        <h2>Freshness</h2>
        <span class="faint small">over {counted(values.length, "epoch")}</span>
      </header>
      <div class="body">
        <svg
          class="curve"
          viewBox={`0 0 ${values.length} 1`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`From ${first} to ${last}, at most ${highest}`}
        >
          {values.map((value, place) => {
            const height = Math.max(0.01, value / highest);
            return <rect key={place} x={place + 0.1} y={1 - height} width={0.8} height={height} />;
          })}
        </svg>
        <div class="row curve-ends faint small number">
          <span>{first}</span>
          <span>{last} now</span>
        </div>
      </div>
    </section>
  );
}
