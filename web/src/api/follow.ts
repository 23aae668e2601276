/**
 * Server-sent events over `fetch`: unlike `EventSource` it comes back after any failure that may pass, with the
 * `Last-Event-ID`, and says how it stands.
 */
import { rest, send } from "./client";
import { Problem, asProblem } from "./problem";

export type Told = { id: string; name: string; data: unknown };
export type Stand = "connecting" | "live" | "waiting" | "ended" | "refused";
export type Listener = {
  tell: (told: Told) => void;
  stands?: (stand: Stand, problem?: Problem) => void;
  /** The event after which nothing comes any more. */
  last?: string;
  /** Reads the data of events; without it `JSON.parse` does. */
  read?: (text: string) => unknown;
};

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** The API sends a comment every 15 s; without any sign for so long the connection is dead. */
const SILENCE_MS = 40_000;

/** Follows until the last event, a refusal that lasts, or the call of what is returned. */
export function follow(url: string, listener: Listener): () => void {
  const stop = new AbortController();
  void run(url, listener, stop.signal);
  return () => stop.abort();
}

async function run(url: string, listener: Listener, stop: AbortSignal): Promise<void> {
  let lastId = "";
  let wait = FIRST_WAIT_MS;
  const told = (event: Told) => {
    wait = FIRST_WAIT_MS;
    if (event.id) lastId = event.id;
    listener.tell(event);
    return event.name === listener.last;
  };
  while (!stop.aborted) {
    listener.stands?.("connecting");
    try {
      const parse = parser(listener.read);
      const ended = await connect(url, lastId, stop, parse, told, () => listener.stands?.("live"));
      if (ended) return listener.stands?.("ended");
    } catch (thrown) {
      if (stop.aborted) return;
      const problem = asProblem(thrown);
      // The id is of streams that are no more; without it everything is told anew.
      if (problem.code === "bad_event_id" && lastId) {
        lastId = "";
        continue;
      }
      if (problem.code !== "no_answer" && !problem.passes) return listener.stands?.("refused", problem);
    }
    if (stop.aborted) return;
    listener.stands?.("waiting");
    await rest(wait, stop).catch(() => {});
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

/** One connection; true if the last event came. */
async function connect(
  url: string,
  lastId: string,
  stop: AbortSignal,
  parse: (text: string) => Told[],
  tell: (told: Told) => boolean,
  live: () => void,
) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (lastId) headers["last-event-id"] = lastId;
    const response = await send(url, { headers }, silence.signal, stop);
    live();
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return false;
      heard();
      for (const event of parse(chunk.value)) {
        if (tell(event)) {
          await reader?.cancel();
          return true;
        }
      }
    }
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown;
    throw new Problem(0, "no_answer", "The stream broke off", "it goes on by itself");
  } finally {
    clearTimeout(timer);
  }
}

/** Takes text as it comes, gives the events that are whole. */
export function parser(read: (text: string) => unknown = JSON.parse): (text: string) => Told[] {
  let rest = "";
  let id = "";
  let name = "";
  let data: string[] = [];
  return (text) => {
    const events: Told[] = [];
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) events.push({ id, name: name || "message", data: readable(data.join("\n"), read) });
        [name, data] = ["", []];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "id") id = value;
      else if (field === "event") name = value;
      else if (field === "data") data.push(value);
    }
    return events;
  };
}

function readable(text: string, read: (text: string) => unknown): unknown {
  try {
    return read(text);
  } catch {
    return text;
  }
}
