/** The one way to the HTTP API: typed by openapi.yaml, with timeouts; reads are repeated while that may help. */
import { noteAnswer } from "./connection";
import { parseJson } from "./json";
import { Problem, problemOf } from "./problem";
import type { paths } from "./schema.gen";

type Method = "get" | "post" | "put";
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, object> ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type Query<O> = O extends { parameters: { query?: infer Q } }
  ? [NonNullable<Q>] extends [never]
    ? Record<string, never>
    : NonNullable<Q>
  : Record<string, never>;
type Body<O> = O extends { requestBody?: infer R } ? JsonOf<NonNullable<R>> : never;
type JsonOf<R> = R extends { content: infer C } ? (C extends { "application/json": infer J } ? J : never) : never;
type Answers<O> = O extends { responses: infer R } ? R : never;
/** What is answered when all goes well. */
export type Answer<P extends keyof paths, M extends Method> =
  Answers<Operation<P, M>> extends infer R
    ? { [S in keyof R & (200 | 201 | 202)]: JsonOf<R[S]> }[keyof R & (200 | 201 | 202)]
    : never;

export type Asking = {
  signal?: AbortSignal | undefined;
  /** Default 20 s. */
  timeoutMs?: number | undefined;
  headers?: Record<string, string>;
};

const TIMEOUT_MS = 20_000;
const READS = 3;
const BACKOFF_MS = 250;
/** No wait between two reads is longer, whatever the API asks for: somebody is looking at the page. */
const LONGEST_BACKOFF_MS = 3000;

/** Reads; up to three times, if it does not answer or cannot work at the moment. */
export async function get<P extends PathsWith<"get">>(
  path: P,
  query?: Query<Operation<P, "get">>,
  asking: Asking & {
    tries?: number;
    /** Numbers may be of any size (`isLarge`), because somebody else has written them. */
    exact?: true;
  } = {},
): Promise<Answer<P, "get">> {
  const tries = asking.tries ?? READS;
  for (let turn = 1; ; turn += 1) {
    try {
      const response = await ask(urlOf(path, query), { method: "GET" }, asking);
      return (asking.exact ? parseJson(await response.text()) : await response.json()) as Answer<P, "get">;
    } catch (thrown) {
      if (!(thrown instanceof Problem) || !thrown.passes || turn >= tries) throw thrown;
      await rest(Math.min(thrown.retryAfterMs ?? BACKOFF_MS * 2 ** (turn - 1), LONGEST_BACKOFF_MS), asking.signal);
    }
  }
}

/** Asks for a change, once: whether it was made is not known if no answer came. */
export function post<P extends PathsWith<"post">>(
  path: P,
  ask: { query?: Query<Operation<P, "post">>; body?: Body<Operation<P, "post">> } & Asking = {},
): Promise<Answer<P, "post">> {
  return change("POST", path, ask.query, ask.body, ask) as Promise<Answer<P, "post">>;
}

async function change(method: string, path: string, query: object | undefined, body: unknown, asking: Asking) {
  const headers = { "content-type": "application/json", ...asking.headers };
  const sent = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
  const response = await ask(urlOf(path, query), sent, asking);
  const text = await response.text();
  return text ? JSON.parse(text) : undefined;
}

/** The path with a query: what is empty or undefined is left out, `true` is a flag. */
export function urlOf(path: string, query: object = {}): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "" || value === false) continue;
    pairs.append(name, value === true ? "true" : String(value));
  }
  return pairs.size > 0 ? `${path}?${pairs}` : path;
}

async function ask(url: string, init: RequestInit, asking: Asking): Promise<Response> {
  const headers = { ...asking.headers, ...init.headers };
  return send(url, { ...init, headers }, AbortSignal.timeout(asking.timeoutMs ?? TIMEOUT_MS), asking.signal);
}

/** Asks once, until `limit` or until it is given up; notes how it went, and throws what is not ok as a problem. */
export async function send(url: string, init: RequestInit, limit: AbortSignal, stop?: AbortSignal): Promise<Response> {
  const signal = stop ? AbortSignal.any([stop, limit]) : limit;
  let problem: Problem | undefined;
  try {
    const response = await fetch(url, { ...init, signal, credentials: "same-origin" });
    if (response.ok) return response;
    problem = await problemOf(response);
  } catch (thrown) {
    // Whoever gave it up does not want to hear of it as a failure.
    if (stop?.aborted) throw thrown;
    const detail = limit.aborted ? "it did not answer in time" : "it cannot be reached; is `collector up` running?";
    problem = new Problem(0, "no_answer", "No answer from the collector", detail);
  } finally {
    if (!stop?.aborted) noteAnswer(problem);
  }
  throw problem;
}

/** Waits, unless it is given up. */
export function rest(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
