import type { components } from "../api/schema.gen";
import { Icon, type IconName } from "./icon";

export type Status = components["schemas"]["Status"];
/** How a piece of news is meant; it chooses the colour, and never stands without words. */
export type News = "good" | "live" | "wait" | "warn" | "bad" | "grave";

type Look = { text: string; icon: IconName; news: News; means: string };

/** In the order in which a job goes through them. */
export const STATUSES: Record<Status, Look> = {
  scheduled: { text: "Scheduled", icon: "calendar", news: "wait", means: "waits for its time" },
  queued: { text: "Queued", icon: "hourglass", news: "wait", means: "waits for a sanjer" },
  running: { text: "Running", icon: "run", news: "live", means: "is being executed" },
  retrying: { text: "Retrying", icon: "again", news: "warn", means: "failed for now, runs again later" },
  snoozed: { text: "Snoozed", icon: "snooze", news: "warn", means: "asked to be run again later" },
  succeeded: { text: "Succeeded", icon: "check", news: "good", means: "ended with a result" },
  failed: { text: "Failed", icon: "cross", news: "bad", means: "ended with an error" },
  timed_out: { text: "Timed out", icon: "clock", news: "bad", means: "took or waited longer than it may" },
  cancelled: { text: "Cancelled", icon: "stop", news: "wait", means: "was stopped by somebody" },
  dead: { text: "Dead", icon: "skull", news: "grave", means: "killed its process again and again, quarantined" },
};

export const TERMINAL: readonly Status[] = ["succeeded", "failed", "timed_out", "cancelled", "dead"];

export function isTerminal(status: Status): boolean {
  return TERMINAL.includes(status);
}

export function StatusBadge({ status }: { status: Status }) {
  const look = STATUSES[status];
  return (
    <Badge news={look.news} icon={look.icon} title={`${look.text}: ${look.means}`}>
      {look.text}
    </Badge>
  );
}

export function Badge(props: { news: News; icon?: IconName; title?: string; children: string }) {
  return (
    <span class="badge" data-news={props.news} title={props.title}>
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </span>
  );
}
