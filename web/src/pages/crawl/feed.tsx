/** What happens in a network, as it happens. */
import { useEffect, useState } from "preact/hooks";
import type { components } from "../../api/schema.gen";
import { urlOf } from "../../api/client";
import { type Stand, follow } from "../../api/follow";
import { paused, unseen } from "../../api/poll";
import { Icon, type IconName } from "../../ui/icon";
import type { News as Kind } from "../../ui/status";
import { Time } from "../../ui/text";
import { nodeHref, shortNode } from "./node";

export type CrawlEvent = components["schemas"]["CrawlEvent"] & { id: string };

export type News = {
  /** The last events, the newest first. */
  events: readonly CrawlEvent[];
  /** What became of each node since the page was opened. */
  changes: ReadonlyMap<string, CrawlEvent["type"]>;
  /** Rises when nodes should be read again. */
  turn: number;
  stand: Stand;
};

const KEPT = 40;
/** A change of many nodes at once is many events: what they change is read again at most this often. */
const TURN_MS = 2000;
/** More changes than these are a new network: who looks at it reads it anew. */
const MOST_CHANGES = 5000;

const NOTHING: News = { events: [], changes: new Map(), turn: 0, stand: "connecting" };

export function useNews(network: string): News {
  const [news, setNews] = useState<News>(NOTHING);
  const stopped = unseen.value;
  useEffect(() => {
    if (stopped) return;
    let fresh: CrawlEvent[] = [];
    let timer: number | undefined;
    const publish = () => {
      timer = undefined;
      const told = fresh;
      fresh = [];
      setNews((before) => {
        const changes = new Map(before.changes.size > MOST_CHANGES ? [] : before.changes);
        for (const event of told) changes.set(event.node_id, event.type);
        return {
          ...before,
          changes,
          turn: before.turn + 1,
          events: [...told.slice(-KEPT).reverse(), ...before.events].slice(0, KEPT),
        };
      });
    };
    const stop = follow(urlOf("/crawl/events", { network }), {
      stands: (stand) => setNews((before) => ({ ...before, stand })),
      tell: ({ id, name, data }) => {
        if (name !== "reset") fresh.push({ ...(data as components["schemas"]["CrawlEvent"]), id });
        if (fresh.length > MOST_CHANGES) fresh = fresh.slice(-KEPT);
        timer ??= window.setTimeout(publish, TURN_MS);
      },
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [network, stopped]);
  return news;
}

const KINDS: Record<CrawlEvent["type"], { text: string; icon: IconName; news: Kind }> = {
  found: { text: "found", icon: "create", news: "good" },
  updated: { text: "has a newer record", icon: "again", news: "live" },
  gone: { text: "is gone", icon: "cross", news: "warn" },
};

export function Feed({ network, news }: { network: string; news: News }) {
  return (
    <section class="card crawl-feed" aria-label="What happens">
      <header>
        <h2>What happens</h2>
        <span class="faint small">{news.stand === "live" ? "live" : paused.value ? "paused" : "connecting…"}</span>
      </header>
      {news.events.length === 0 && (
        <p class="body soft">Nodes that are found, renew their record or leave appear here.</p>
      )}
      <ul tabIndex={0} aria-label="Events">
        {news.events.map((event) => {
          const look = KINDS[event.type] ?? KINDS.updated;
          return (
            <li key={event.id}>
              <span class="dot" data-news={look.news}>
                <Icon name={look.icon} size={11} />
              </span>
              <span>
                <a class="mono" href={nodeHref(network, event.node_id)}>
                  {shortNode(event.node_id)}
                </a>{" "}
                {look.text}
              </span>
              <span class="faint small">
                <Time at={event.at} />
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
