/** What a network consists of. Each bar leads to its nodes. */
import { link } from "../../router";
import { type Bar, Bars } from "../../ui/bars";
import type { Stats } from "./figures";

const MOST = 20;

export function Breakdowns({ stats }: { stats: Stats }) {
  const { network, nodes } = stats;
  const to = (filter: Record<string, string>) => link("crawl", { network, ...filter });
  return (
    <div class="columns shares">
      <Card
        title="Clients"
        none="No record names its client (EIP-7636)."
        bars={largest(stats.clients, (client) => to({ client }))}
        unsaid={nodes}
      />
      <Card
        title="Forks"
        none="No record names its fork."
        bars={largest(stats.forks, (fork) => to({ fork }))}
        unsaid={nodes}
      />
      <Card title="How long nodes stayed" none="Nobody has left yet." bars={powers(stats.session_minutes, "min")} />
      <Card
        title="How many others told of a node"
        none="Nobody told of anybody yet."
        bars={powers(stats.in_degree, "others")}
      />
      <Card title="Subnets" none="None yet." bars={largest(stats.subnets, (subnet) => to({ subnet }))} />
    </div>
  );
}

function Card({
  title,
  bars,
  none,
  unsaid,
}: {
  title: string;
  bars: Bar[];
  none: string;
  /** All nodes, where not every record says it. */ unsaid?: number;
}) {
  const said = bars.reduce((sum, { value }) => sum + value, 0);
  const all =
    unsaid !== undefined && unsaid > said ? [...bars, { name: "not said", value: unsaid - said, dim: true }] : bars;
  const shown = all.slice(0, MOST);
  return (
    <section class="card">
      <header>
        <h2>{title}</h2>
        {all.length > shown.length && <span class="faint small">the {MOST} largest</span>}
      </header>
      <div class="body">
        {bars.length === 0 ? (
          <p class="soft">{none}</p>
        ) : (
          <Bars label={title} bars={shown} total={Math.max(unsaid ?? 0, said)} />
        )}
      </div>
    </section>
  );
}

function largest(counts: Stats["clients"], href: (name: string) => string): Bar[] {
  const bars = Object.entries(counts).map(([name, value]) =>
    name === "other" ? { name, value } : { name, value, href: href(name) },
  );
  return bars.sort((one, other) => other.value - one.value);
}

/** Counts by powers of two: `8 to 15 min`. */
function powers(counts: Stats["in_degree"], unit: string): Bar[] {
  return Object.entries(counts)
    .map(([from, value]) => [Number(from), value] as const)
    .sort(([one], [other]) => one - other)
    .map(([from, value]) => ({ name: from < 2 ? `${from} ${unit}` : `${from} to ${2 * from - 1} ${unit}`, value }));
}
