/** What this collector is, how its Redis does, and how it is configured. */
import "./system.css";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import type { System } from "../../api/system";
import { bytes, count, counted } from "../../format/quantity";
import { duration } from "../../format/time";
import { link } from "../../router";
import { Figure, Figures } from "../../ui/figure";
import { Icon } from "../../ui/icon";
import { Read } from "../../ui/note";
import { Badge } from "../../ui/status";
import { Config } from "./config";
import { Health } from "./health";

const EVERY_MS = 5000;

export default function SystemPage() {
  const poll = usePoll("system", EVERY_MS, (signal) => get("/system/get", {}, { signal }));
  return (
    <>
      <header class="head">
        <h1>System</h1>
        <a class="button" href={link("reference")}>
          <Icon name="reference" /> API reference
        </a>
      </header>
      <Read poll={poll} lines={8}>
        {(system) => (
          <div class="stack">
            {system.read_only && (
              <p class="banner">
                <Icon name="pause" /> Read-only: everything that would change something is refused. The configuration
                says so (api.read_only).
              </p>
            )}
            <Sums system={system} />
            <div class="columns system-cards">
              <Health />
              <RedisCard system={system} />
              <Limits limits={system.limits} />
            </div>
            <Config config={system.config} />
          </div>
        )}
      </Read>
    </>
  );
}

function Sums({ system }: { system: System }) {
  const { build, redis } = system;
  return (
    <Figures label="This collector">
      <Figure title="Version" note={[build.profile, `${build.os} ${build.arch}`, ...build.features].join(", ")}>
        {system.version}
      </Figure>
      <Figure title="Up for" note={<bdi>{`process ${system.pid} on ${system.host}`}</bdi>}>
        {duration(system.uptime_s * 1000)}
      </Figure>
      <Figure title="Redis" note={MODES[redis.mode]}>
        {redis.health.version ?? (redis.health.reachable ? "reached" : "not reached")}
      </Figure>
      <Figure title="Round trip" note="to Redis and back">
        {redis.health.latency_ms === undefined ? "–" : duration(redis.health.latency_ms)}
      </Figure>
      <Figure
        title="Memory of Redis"
        note={redis.health.maxmemory_bytes ? `of ${bytes(redis.health.maxmemory_bytes)}` : "no limit of its own"}
      >
        {redis.health.used_memory_bytes === undefined ? "–" : bytes(redis.health.used_memory_bytes)}
      </Figure>
    </Figures>
  );
}

const MODES: Record<System["redis"]["mode"], string> = {
  private: "private, started by this collector",
  server: "one server",
  sentinel: "watched by Sentinel",
  cluster: "a Cluster",
};

const DURABILITY: Record<System["durability"], string> = {
  everysec: "on disk within a second of being answered",
  always: "on disk before being answered",
  replicated: "on replicas before being answered",
};

function RedisCard({ system: { redis, shards, durability } }: { system: System }) {
  const { health } = redis;
  return (
    <section class="card" aria-label="Redis">
      <header>
        <h2>Redis</h2>
        {health.reachable ? (
          <Badge news="good" icon="check">
            Reached
          </Badge>
        ) : (
          <Badge news="bad" icon="cross">
            Not reached
          </Badge>
        )}
      </header>
      <dl class="facts body">
        <dt>Servers with jobs</dt>
        <dd>
          {count(redis.servers)}, {counted(shards, "shard")}
        </dd>
        <dt>What is accepted is</dt>
        <dd>{DURABILITY[durability]}</dd>
        <dt>When memory is full</dt>
        <dd>
          {health.maxmemory_policy === undefined && "not known"}
          {health.maxmemory_policy === "noeviction" && "it refuses writes; no job is dropped"}
          {health.maxmemory_policy !== undefined && health.maxmemory_policy !== "noeviction" && (
            <Badge news="bad" icon="failures">{`${health.maxmemory_policy}: it may drop jobs`}</Badge>
          )}
        </dd>
        <dt>Append-only file</dt>
        <dd>
          {health.aof_enabled === undefined ? (
            "not known"
          ) : health.aof_enabled ? (
            "on"
          ) : (
            <Badge news="warn" icon="failures">
              off: a crash of Redis loses jobs
            </Badge>
          )}
          {health.last_write_status !== undefined && health.last_write_status !== "ok" && (
            <Badge news="bad" icon="failures">{`last write: ${health.last_write_status}`}</Badge>
          )}
        </dd>
      </dl>
    </section>
  );
}

/** The limits that are no bytes. */
const NUMBERS = ["max_depth", "max_streams", "max_log_lines", "max_events", "max_labels"];

function Limits({ limits }: { limits: System["limits"] }) {
  return (
    <section class="card" aria-label="Limits">
      <header>
        <h2>Limits</h2>
      </header>
      <dl class="facts body">
        {Object.entries(limits).map(([name, value]) => [
          <dt key={name}>{name.replace(/^max_/, "most of ").replaceAll("_", " ")}</dt>,
          <dd key={`${name} value`} class="number">
            {NUMBERS.includes(name) ? count(value) : bytes(value)}
          </dd>,
        ])}
      </dl>
    </section>
  );
}
