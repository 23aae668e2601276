/** A network under observation: how many nodes, which, and how they come and go. */
import "./crawl.css";
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Answer, get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { type Problem, asProblem } from "../../api/problem";
import { link, param, setParams } from "../../router";
import { Empty, Failed, Loading, Read } from "../../ui/note";
import { Time } from "../../ui/text";
import { Breakdowns } from "./breakdowns";
import { Churn } from "./churn";
import { Feed, useNews } from "./feed";
import { CrawlFigures } from "./figures";
import type { MapProps } from "./map/map";
import { Nodes } from "./nodes";
import { Workers } from "./workers";

type Networks = Answer<"/crawl/networks", "get">["networks"];

const PARTS = [
  ["nodes", "Nodes"],
  ["map", "Map"],
  ["shares", "Clients and forks"],
  ["churn", "Churn"],
  ["work", "Work"],
] as const;
type Part = (typeof PARTS)[number][0];

const NETWORKS_MS = 10_000;
const STATS_MS = 4000;

export default function Crawl() {
  const poll = usePoll("networks", NETWORKS_MS, (signal) => get("/crawl/networks", {}, { signal }));
  return (
    <Read poll={poll} lines={8}>
      {({ networks }) => {
        const begun = [...networks].sort((one, other) => other.began_at.localeCompare(one.began_at));
        const name = param("network") || begun[0]?.name;
        return (
          <>
            <header class="head">
              <h1>Crawl</h1>
              {name && <NetworkChoice networks={networks} chosen={name} />}
            </header>
            {name ? <Network key={name} name={name} networks={networks} /> : <None />}
          </>
        );
      }}
    </Read>
  );
}

function None() {
  return (
    <Empty title="No network has been crawled" icon="network">
      Begin with a task of the platform <a href={link("new", { platform: "enr_crawl" })}>enr_crawl</a>: it finds every
      node of a discv5 network, beginning at bootnodes.
    </Empty>
  );
}

function NetworkChoice({ networks, chosen }: { networks: Networks; chosen: string }) {
  if (networks.length < 2) return <bdi class="soft">{chosen}</bdi>;
  return (
    <select
      class="input crawl-choice"
      aria-label="Network"
      value={chosen}
      onChange={(event) => setParams({ network: event.currentTarget.value, cursor: undefined })}
    >
      {networks.map(({ name }) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

function Network({ name, networks }: { name: string; networks: Networks }) {
  const part: Part = PARTS.find(([one]) => one === param("part"))?.[0] ?? "nodes";
  const stats = usePoll(name, STATS_MS, (signal) => get("/crawl/stats", { network: name }, { signal }));
  const news = useNews(name);
  const about = networks.find((network) => network.name === name);
  return (
    <div class="stack">
      <Read poll={stats} lines={4}>
        {(now) => <CrawlFigures stats={now} about={about} />}
      </Read>
      <div class="crawl-parts">
        <div class="segments" role="group" aria-label="Part">
          {PARTS.map(([one, text]) => (
            <button
              type="button"
              key={one}
              aria-pressed={one === part}
              onClick={() => setParams({ part: one === "nodes" ? undefined : one, cursor: undefined })}
            >
              {text}
            </button>
          ))}
        </div>
        {stats.data && (
          <span class="faint small">
            as of <Time at={stats.data.as_of} />
          </span>
        )}
      </div>
      {part === "nodes" && (
        <div class="crawl-grid">
          <Nodes network={name} stats={stats.data} turn={news.turn} />
          <Feed network={name} news={news} />
        </div>
      )}
      {part === "map" && stats.data && <LazyMap network={name} stats={stats.data} changes={news.changes} />}
      {part === "shares" && stats.data && <Breakdowns stats={stats.data} />}
      {part === "churn" && stats.data && <Churn stats={stats.data} />}
      {part === "work" && stats.data && <Workers stats={stats.data} />}
    </div>
  );
}

/** The map and what lays it out come when somebody wants to see them. */
function LazyMap(props: MapProps) {
  const [View, setView] = useState<ComponentType<MapProps>>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    import("./map/map").then(
      (module) => setView(() => module.default),
      (thrown: unknown) => setProblem(asProblem(thrown)),
    );
  }, []);
  if (problem) return <Failed problem={problem} onAgain={() => location.reload()} />;
  return View ? <View {...props} /> : <Loading lines={8} />;
}
