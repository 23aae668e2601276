/** How each provider of the configuration fares. */
import type { components } from "../../api/schema.gen";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { duration } from "../../format/time";
import { Badge } from "../../ui/status";
import { type Column, Table } from "../../ui/table";
import { Line } from "../../ui/text";

type Provider = components["schemas"]["Providers"]["providers"][number];

const EVERY_MS = 5000;

export function Providers() {
  const { data } = usePoll("providers", EVERY_MS, (signal) => get("/providers/get", {}, { signal }));
  if (!data || data.providers.length === 0) return null;
  return (
    <section class="card" aria-label="Providers">
      <header>
        <h2>Providers</h2>
        <span class="soft small">of the configuration, with what happened over the last minutes</span>
      </header>
      <Table label="Providers" columns={COLUMNS} rows={data.providers} id={({ name }) => name} />
    </section>
  );
}

const COLUMNS: Column<Provider>[] = [
  { title: "Provider", cell: ({ name }) => <Line text={name} /> },
  { title: "Standing", cell: (provider) => <Standing provider={provider} /> },
  {
    title: "Address",
    fill: true,
    rank: 2,
    cell: ({ url }) => (
      <span class="soft">
        <Line text={url} mono />
      </span>
    ),
  },
  {
    title: "Failed",
    align: "right",
    cell: ({ answered, failed }) =>
      answered + failed === 0 ? <span class="faint">none failed</span> : `${failed} of ${answered + failed}`,
  },
  {
    title: "Left alone for",
    rank: 2,
    align: "right",
    cell: ({ not_before_ms, open_ms }) => <Alone ms={Math.max(not_before_ms, open_ms)} />,
  },
];

function Standing({ provider: { breaker, trips } }: { provider: Provider }) {
  if (breaker === "open")
    return (
      <Badge news="bad" icon="stop" title={`It failed too often, ${trips} times in a row`}>
        Left alone
      </Badge>
    );
  if (breaker === "trial")
    return (
      <Badge news="warn" icon="help" title="One question decides">
        On trial
      </Badge>
    );
  return (
    <Badge news="good" icon="check" title="It is asked">
      Asked
    </Badge>
  );
}

function Alone({ ms }: { ms: number }) {
  return ms === 0 ? <span class="faint">–</span> : <>{duration(ms)}</>;
}
