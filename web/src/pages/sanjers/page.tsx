/** Every process that runs jobs, host by host, and how those that died did. */
import "./sanjers.css";
import { useRef } from "preact/hooks";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { bytes, count, counted } from "../../format/quantity";
import { param, setParams } from "../../router";
import { Figure, Figures } from "../../ui/figure";
import { Empty, Read } from "../../ui/note";
import { Table } from "../../ui/table";
import { Line } from "../../ui/text";
import { type Sanjer, sanjerColumns } from "./columns";
import { CpuMeter, cores } from "./cpu";
import { Deaths } from "./deaths";

const EVERY_MS = 2000;

export default function Sanjers() {
  const cpu = useRef(new CpuMeter());
  const poll = usePoll("sanjers", EVERY_MS, async (signal) => {
    const answer = await get("/sanjers/get", {}, { signal });
    cpu.current.read(answer.sanjers, performance.now());
    return answer;
  });
  return (
    <>
      <header class="head">
        <h1>Sanjers</h1>
      </header>
      <Read poll={poll} lines={8}>
        {({ sanjers, deaths }) => (
          <div class="stack">
            <Sums sanjers={sanjers} cpu={cpu.current} />
            <PoolChoice pools={[...new Set(sanjers.map(({ pool }) => pool))].sort()} />
            {sanjers.length === 0 && (
              <Empty title="No sanjers" icon="sanjers">
                Nothing runs jobs now. <code>collector up</code> starts them with the API,{" "}
                <code>collector sanjers</code> on further machines.
              </Empty>
            )}
            {byHost(sanjers.filter(({ pool }) => !param("pool") || pool === param("pool"))).map(([host, here]) => (
              <Host key={host} host={host} sanjers={here} cpu={cpu.current} onDone={poll.refresh} />
            ))}
            <Deaths deaths={deaths} />
          </div>
        )}
      </Read>
    </>
  );
}

function Sums({ sanjers, cpu }: { sanjers: readonly Sanjer[]; cpu: CpuMeter }) {
  const sum = (of: (sanjer: Sanjer) => number | undefined) =>
    sanjers.reduce((total, sanjer) => total + (of(sanjer) ?? 0), 0);
  const serving = sanjers.filter(({ state }) => state === "serving").length;
  const others = (["spare", "quiet", "retiring"] as const).map(
    (state) => [state, sanjers.filter((one) => one.state === state).length] as const,
  );
  return (
    <Figures label="All sanjers">
      <Figure
        title="Serving"
        note={
          others
            .filter(([, many]) => many > 0)
            .map(([state, many]) => `${many} ${state}`)
            .join(", ") || "no other"
        }
      >
        {count(serving)}
      </Figure>
      <Figure
        title="Running jobs"
        note={`of ${counted(
          sum(({ slots, state }) => (state === "serving" ? slots : 0)),
          "slot",
        )}`}
      >
        {count(sum(({ running }) => running))}
      </Figure>
      <Figure title="Memory" note="resident, all together">
        {bytes(sum(({ rss_bytes }) => rss_bytes))}
      </Figure>
      <Figure title="Processor" note="in use lately">
        {cores(sum((sanjer) => cpu.rate(sanjer.sanjer)))}
      </Figure>
      <Figure title="Hosts">{count(new Set(sanjers.map(({ host }) => host)).size)}</Figure>
    </Figures>
  );
}

function PoolChoice({ pools }: { pools: string[] }) {
  if (pools.length < 2) return null;
  const chosen = param("pool");
  return (
    <div class="row">
      <div class="segments" role="group" aria-label="Pool">
        {["", ...pools].map((pool) => (
          <button type="button" key={pool} aria-pressed={pool === chosen} onClick={() => setParams({ pool })}>
            {pool || "All pools"}
          </button>
        ))}
      </div>
    </div>
  );
}

type HostProps = { host: string; sanjers: readonly Sanjer[]; cpu: CpuMeter; onDone: () => void };

function Host({ host, sanjers, cpu, onDone }: HostProps) {
  return (
    <section class="card" aria-label={`Sanjers of ${host}`}>
      <header>
        <h2>
          <Line text={host} />
        </h2>
        <span class="soft small">{counted(sanjers.length, "sanjer")}</span>
      </header>
      <Table
        label={`Sanjers of ${host}`}
        columns={sanjerColumns(cpu, onDone)}
        rows={sanjers}
        id={({ sanjer }) => sanjer}
      />
    </section>
  );
}

function byHost(sanjers: readonly Sanjer[]): [string, Sanjer[]][] {
  const hosts = new Map<string, Sanjer[]>();
  for (const sanjer of sanjers) hosts.set(sanjer.host, [...(hosts.get(sanjer.host) ?? []), sanjer]);
  return [...hosts].sort(([one], [other]) => one.localeCompare(other));
}
