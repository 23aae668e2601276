/** The Network after each thing that is told of it. */
import type { Stand, Told } from "../../api/follow";
import type { Problem } from "../../api/problem";
import type { components } from "../../api/schema.gen";

export type Network = components["schemas"]["Network"];
export type FullNode = components["schemas"]["NetworkNode"];
export type Peer = components["schemas"]["NetworkPeer"];
export type Alarm = components["schemas"]["AlarmsMessage"]["alarms"][number];
type Message = components["schemas"]["NetworkMessage"];
type Diff = components["schemas"]["NetworkDiff"];

export type Watched = {
  network: Network | undefined;
  revision: number;
  /** Undefined until they were told, which is after the first Network if there is one. */
  alarms: readonly Alarm[] | undefined;
  /** When the Network changed last while it was watched, ms since 1970. */
  changedAt: number | undefined;
  stand: Stand;
  problem: Problem | undefined;
  /** How often a change could not be applied to what was there, so that all had to be read anew. */
  torn: number;
};

export const NOTHING: Watched = {
  network: undefined,
  revision: 0,
  alarms: undefined,
  changedAt: undefined,
  stand: "connecting",
  problem: undefined,
  torn: 0,
};

/** What is known after an event. */
export function after(before: Watched, { name, data }: Told, at: number): Watched {
  if (name === "alarms") return { ...before, alarms: (data as components["schemas"]["AlarmsMessage"]).alarms };
  if (name === "network") {
    const { revision, data: network } = data as Message;
    return { ...before, network, revision, changedAt: before.network ? at : undefined };
  }
  if (name !== "diff") return before;
  const diff = data as Diff;
  if (!before.network || diff.since !== before.revision) return { ...before, torn: before.torn + 1 };
  const { nodes, nodes_left, peers, peers_left } = diff.data;
  const network = {
    nodes: merged(before.network.nodes, nodes, nodes_left),
    peers: merged(before.network.peers, peers, peers_left),
  };
  return { ...before, network, revision: diff.revision, changedAt: at };
}

/** By id, as the Network is. */
function merged<T extends { readonly id: string }>(
  before: readonly T[],
  changed: readonly T[],
  left: readonly string[],
): T[] {
  const all = new Map(before.map((one) => [one.id, one]));
  for (const id of left) all.delete(id);
  for (const one of changed) all.set(one.id, one);
  return [...all.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}
