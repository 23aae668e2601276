import type { components } from "./schema.gen";

export type ProblemCode = components["schemas"]["ProblemCode"];
type ProblemDocument = components["schemas"]["Problem"];
/** One thing that is wrong with a body, and where. */
export type Fault = { pointer: string; detail: string };

/** What the API answered instead of what it was asked for. `code` is `no_answer` if it did not answer at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: ProblemCode | "no_answer" | "unreadable",
    readonly title: string,
    readonly detail: string,
    readonly requestId?: string,
    readonly faults: Fault[] = [],
    /** How long to wait before asking again, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }

  /** Whether asking again may help. */
  get passes(): boolean {
    return this.code === "no_answer" || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** The problem in a response that is not ok. */
export async function problemOf(response: Response): Promise<Problem> {
  const id = response.headers.get("x-request-id") ?? undefined;
  const after = Number(response.headers.get("retry-after"));
  const retryAfterMs = Number.isFinite(after) && after > 0 ? after * 1000 : undefined;
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as Partial<ProblemDocument> & { error?: ProblemCode };
    if (typeof body.code === "string" && typeof body.title === "string") {
      const faults = Array.isArray(body.errors) ? body.errors.map((fault) => ({ ...fault })) : [];
      return new Problem(response.status, body.code, body.title, body.detail ?? "", id, faults, retryAfterMs);
    }
    // The paths of another system answer `{"error": <code>}`, some with a `detail`.
    if (typeof body.error === "string") {
      const title = `Refused (${response.status})`;
      return new Problem(response.status, body.error, title, body.detail ?? body.error, id, [], retryAfterMs);
    }
  } catch {
    // Not JSON: a proxy's page, most likely.
  }
  const detail = "the answer is not one of the collector's; is there a proxy in between?";
  return new Problem(response.status, "unreadable", `Answered ${response.status}`, detail, id, [], retryAfterMs);
}

/** Whatever was thrown, as a problem that can be shown. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new Problem(0, "unreadable", "The dashboard cannot show this", detail);
}
