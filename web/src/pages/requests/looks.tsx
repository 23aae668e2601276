/** Requests of many providers: the words of their states, and how they look. */
import type { components } from "../../api/schema.gen";
import type { IconName } from "../../ui/icon";
import { Badge, type News } from "../../ui/status";

export type Request = components["schemas"]["Request"];
export type Part = Request["jobs"][number];

type Look = { text: string; icon: IconName; news: News; means: string };

export const REQUEST_LOOKS: Record<Request["status"], Look> = {
  INIT: { text: "Accepted", icon: "hourglass", news: "wait", means: "nobody was asked yet" },
  RUNNING: { text: "Running", icon: "run", news: "live", means: "providers are being asked" },
  DONE: { text: "Done", icon: "check", news: "good", means: "what it waited for has come" },
  FAILED: { text: "Failed", icon: "cross", news: "bad", means: "what it waits for cannot come any more" },
  EXPIRED: { text: "Expired", icon: "clock", news: "warn", means: "its deadline ended it" },
};

export const PART_LOOKS: Record<Part["status"], Look> = {
  INIT: { text: "Not asked yet", icon: "hourglass", news: "wait", means: "it was not asked yet" },
  RUNNING: { text: "Being asked", icon: "run", news: "live", means: "it is being asked" },
  WAITING: {
    text: "Asked again later",
    icon: "again",
    news: "warn",
    means: "it did not answer well, and is asked again",
  },
  DONE: { text: "Answered", icon: "check", news: "good", means: "it has answered" },
  FAILED: { text: "Failed", icon: "cross", news: "bad", means: "it is not asked again" },
  EXPIRED: { text: "Not waited for", icon: "clock", news: "warn", means: "the request ended before it had answered" },
};

export const CALLBACK_LOOKS: Record<Request["callback"]["state"], Look> = {
  NONE: { text: "None", icon: "cross", news: "wait", means: "nobody is to be told" },
  PENDING: {
    text: "Pending",
    icon: "hourglass",
    news: "live",
    means: "it is told when the request is decided, or told again",
  },
  DELIVERED: { text: "Delivered", icon: "check", news: "good", means: "its receiver has taken it" },
  UNDELIVERED: {
    text: "Undelivered",
    icon: "cross",
    news: "bad",
    means: "its receiver did not take it as long as it was tried",
  },
  GONE: { text: "Gone", icon: "stop", news: "warn", means: "its receiver wants nothing any more (410)" },
};

export function isDecided(status: Request["status"]): boolean {
  return status !== "INIT" && status !== "RUNNING";
}

export function LookBadge({ look }: { look: Look }) {
  return (
    <Badge news={look.news} icon={look.icon} title={`${look.text}: ${look.means}`}>
      {look.text}
    </Badge>
  );
}
