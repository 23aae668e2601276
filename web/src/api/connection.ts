import { effect, signal } from "@preact/signals";

/**
 * How the API is reached: `online`; `impaired`, it answers that Redis or it itself cannot work now; `lost`, it does not
 * answer.
 */
export type Connection = "online" | "impaired" | "lost";

export const connection = signal<Connection>("online");
/** Rises by one whenever the connection is back: who reads anything reads it again then. */
export const healed = signal(0);

const PROBE_MS = 1500;

/** Notes how a request went. */
export function noteAnswer(status: number | null): void {
  const now: Connection = status === null ? "lost" : status === 503 ? "impaired" : "online";
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
    noteAnswer(await diagnosed());
    later();
  };
  effect(later);
}

/** 200 if it works, 503 if it has no Redis, null if it does not answer. That sanjers are missing is not our matter. */
async function diagnosed(): Promise<number | null> {
  try {
    const answer = await fetch("/system/alive", { method: "POST", signal: AbortSignal.timeout(5000) });
    const said = (await answer.json()) as { redis?: { reachable?: boolean } };
    return said.redis?.reachable ? 200 : 503;
  } catch {
    return null;
  }
}
