import { effect, signal } from "@preact/signals";
import type { Problem } from "./problem";

/** How the API is reached: `online`; `impaired`, it answers that it cannot reach Redis; `lost`, it does not answer. */
export type Connection = "online" | "impaired" | "lost";

export const connection = signal<Connection>("online");
/** Rises by one whenever the connection is back: who reads anything reads it again then. */
export const healed = signal(0);

const PROBE_MS = 1500;

/** Notes how a request went: with which problem, if it was not answered as asked. */
export function noteAnswer(problem?: Problem): void {
  stand(problem ? standOf(problem) : "online");
}

function standOf({ code, passes }: Problem): Connection {
  // What is not the collector's own (502, 503, 504) is said by a proxy that does not reach it.
  if (code === "no_answer" || (code === "unreadable" && passes)) return "lost";
  return code === "redis_unavailable" ? "impaired" : "online";
}

function stand(now: Connection): void {
  const before = connection.peek();
  connection.value = now;
  if (now === "online" && before !== "online") healed.value += 1;
}

/** While the connection is not right, asks every now and then whether it is back. */
export function watchConnection(): void {
  let timer: number | undefined;
  const later = () => {
    window.clearTimeout(timer);
    if (connection.value !== "online") timer = window.setTimeout(probe, PROBE_MS);
  };
  const probe = async () => {
    stand(await diagnosed());
    later();
  };
  effect(later);
}

/** That sanjers are missing is not our matter. */
async function diagnosed(): Promise<Connection> {
  try {
    const answer = await fetch("/system/alive", { method: "POST", signal: AbortSignal.timeout(5000) });
    const said = (await answer.json()) as { redis?: { reachable?: boolean } };
    return said.redis?.reachable ? "online" : "impaired";
  } catch {
    return "lost";
  }
}
