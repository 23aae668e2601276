/** A node's record, key by key, in words. */
import type { ComponentChildren } from "preact";
import type { components } from "../../api/schema.gen";
import { bytes } from "../../format/quantity";
import { Copy } from "../../ui/text";

type RecordContents = components["schemas"]["RecordContents"];

export function Contents({ record, enr }: { record: RecordContents; enr: string }) {
  const rows = rowsOf(record).filter(([, value]) => value !== undefined && value !== false);
  return (
    <section class="card" aria-label="Record">
      <header>
        <h2>Record</h2>
        <span class="soft small">
          seq {record.seq}, {bytes(record.size)}
        </span>
        <Copy text={enr} what="Record" />
      </header>
      <div class="body stack">
        <dl class="facts record">
          {rows.map(([key, value, means]) => [
            <dt key={key}>
              <code>{key}</code>
              {means && <span class="small"> {means}</span>}
            </dt>,
            <dd key={`${key} value`}>{value}</dd>,
          ])}
          {record.unknown.map(({ key, rlp }) => [
            <dt key={`unknown ${key}`}>
              <code>{key}</code>
              <span class="small"> not known</span>
            </dt>,
            <dd key={`unknown ${key} value`}>
              <code class="wrap">{rlp}</code>
            </dd>,
          ])}
        </dl>
        <pre class="wrap pane enr">{enr}</pre>
      </div>
    </section>
  );
}

type Row = [key: string, value: ComponentChildren, means?: string];

function rowsOf(record: RecordContents): Row[] {
  const { eth, eth2, client, opstack } = record;
  const list = (values: readonly number[] | undefined) => values && (values.length === 0 ? "none" : values.join(", "));
  const words = client && [client.name, client.version, client.build].filter(Boolean).join(" ");
  return [
    ["client", words && <bdi>{words}</bdi>, "EIP-7636"],
    ["ip", record.ip],
    ["udp", record.udp, "discovery"],
    ["tcp", record.tcp],
    ["quic", record.quic],
    ["ip6", record.ip6],
    ["udp6", record.udp6, "discovery"],
    ["tcp6", record.tcp6],
    ["quic6", record.quic6],
    [
      "eth2",
      eth2 && (
        <>
          fork digest <code>{eth2.fork_digest}</code>,{" "}
          {eth2.next_fork_epoch === undefined ? (
            "no further fork planned"
          ) : (
            <>
              then <code>{eth2.next_fork_version}</code> from epoch {eth2.next_fork_epoch}
            </>
          )}
        </>
      ),
      "consensus",
    ],
    [
      "eth",
      eth && (
        <>
          fork hash <code>{eth.fork_hash}</code>,{" "}
          {eth.fork_next === undefined ? "no further fork planned" : `the next one at ${eth.fork_next}`}
        </>
      ),
      "execution",
    ],
    ["nfd", record.nfd && <code>{record.nfd}</code>, "next fork digest"],
    ["attnets", list(record.attnets), "attestation subnets"],
    ["syncnets", list(record.syncnets), "sync committee subnets"],
    ["cgc", record.cgc, "custody groups"],
    ["snap", record.snap && "serves snapshots of the state"],
    ["opstack", opstack && `chain ${opstack.chain_id}, version ${opstack.version}`],
  ];
}
