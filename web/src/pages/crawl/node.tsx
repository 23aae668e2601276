/** A node wherever nodes are listed. */
import type { components } from "../../api/schema.gen";
import { link } from "../../router";
import { Badge } from "../../ui/status";

/** The schema says by `oneOf` which parts come with which state; here each part may be missing. */
export type CrawlNode = Omit<components["schemas"]["CrawlNode"], "state"> & {
  readonly state: "live" | "candidate" | "gone";
};

export function nodeHref(network: string, id: string): string {
  return link(`crawl/${id}`, { network });
}

export function shortNode(id: string): string {
  return `${id.slice(0, 8)}…${id.slice(-4)}`;
}

/** Where it says it can be reached. */
export function addressOf({ ip, udp }: Pick<CrawlNode, "ip" | "udp">): string | undefined {
  if (ip === null) return undefined;
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return udp === null ? host : `${host}:${udp}`;
}

export function NodeBadge({ node }: { node: Pick<CrawlNode, "state" | "missed" | "refused"> }) {
  if (node.state === "gone")
    return (
      <Badge news="bad" icon="cross" title="A former member, as it was when it left">
        Gone
      </Badge>
    );
  if (node.state === "candidate") {
    return (
      <Badge
        news="wait"
        icon="help"
        title={node.refused ? "Its record names no address that may be contacted" : "Only heard of, or asked in vain"}
      >
        {node.refused ? "Refused" : "Candidate"}
      </Badge>
    );
  }
  if (node.missed && node.missed > 0)
    return (
      <Badge news="warn" icon="clock" title={`Silent for ${node.missed} epochs`}>
        Silent
      </Badge>
    );
  return (
    <Badge news="good" icon="check" title="It answered when it was asked last">
      Live
    </Badge>
  );
}
