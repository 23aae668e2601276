/** Peers that left, the last first. */
import { get } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { usePoll } from "../../api/poll";
import { param } from "../../router";
import { type Column, Table } from "../../ui/table";
import { Line, Time, shortId } from "../../ui/text";

type Left = components["schemas"]["GonePeers"]["gone"][number];

const EVERY_MS = 10_000;
const LIMIT = 20;

export function Gone() {
  const prefix = param("prefix") || undefined;
  const { data } = usePoll(`gone ${prefix ?? ""}`, EVERY_MS, (signal) =>
    get("/network/gone", { limit: LIMIT, prefix }, { signal }),
  );
  if (!data || data.gone.length === 0) return null;
  return (
    <section class="card" aria-label="Peers that left">
      <header>
        <h2>Peers that left</h2>
        <span class="faint small">the last {data.gone.length}</span>
      </header>
      <Table
        label="Peers that left"
        columns={COLUMNS}
        rows={data.gone}
        id={({ revision, peer }) => `${revision} ${peer.id}`}
      />
    </section>
  );
}

const COLUMNS: Column<Left>[] = [
  {
    title: "Peer",
    cell: ({ peer }) => (
      <span class="mono one-line" title={peer.id}>
        {shortId(peer.id)}
      </span>
    ),
  },
  { title: "Left", cell: ({ at }) => <Time at={at} /> },
  { title: "Address", fill: true, cell: ({ peer }) => <Line text={peer.address || "not told"} mono /> },
  { title: "Version", rank: 2, cell: ({ peer }) => <Line text={peer.app_version} /> },
  { title: "In revision", rank: 2, align: "right", cell: ({ revision }) => revision },
];
