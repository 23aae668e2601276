/** A collector of the test's own: the real binary, a private data directory, a free port; ended with its tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { components } from "../../src/api/schema.gen.ts";

export type Job = components["schemas"]["Job"];
type TaskSpec = { platform_id: string } & Record<string, unknown>;

/** Not named like a key of its configuration, which it would take it for. */
export const BINARY =
  process.env.TESTED_COLLECTOR ?? new URL("../../../target/debug/collector", import.meta.url).pathname;
const START_MS = 60_000;

export class Collector {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
    private readonly directory: string,
  ) {}

  /** Starts one; `environment` is configuration (`COLLECTOR_API__READ_ONLY`). */
  static async start(environment: Record<string, string> = {}): Promise<Collector> {
    const directory = await mkdtemp(join(tmpdir(), "collector-web-"));
    const pools = ["--pool", "light=1x16", "--pool", "heavy=1x1", "--pool", "standing=1x4", "--pool", "fetch=1x8"];
    const args = ["up", "--listen", "127.0.0.1:0", "--data-dir", directory, ...pools];
    const child = spawn(BINARY, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
    // If the tests end in the middle of something, it ends with them.
    process.once("exit", () => child.kill());
    let said = "";
    child.stderr.on("data", (chunk) => (said = (said + chunk).slice(-4000)));
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the collector did not start in time\n${said}`)), START_MS);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`the collector ended (${code}) before it listened\n${said}`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const found = /^listening on (\S+)/.exec(line)?.[1];
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
    return new Collector(url, child, directory);
  }

  /** Ends it, and what it started. */
  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = once(this.process, "exit");
      this.process.kill("SIGTERM");
      await ended;
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  async get<T = unknown>(path: string): Promise<T> {
    const answer = await fetch(this.url + path);
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Asks for a change. */
  async post<T = unknown>(path: string, body?: unknown): Promise<T> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(this.url + path, {
      method: "POST",
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Posts a task spec; gives the id of its job. */
  async run(spec: TaskSpec): Promise<string> {
    return (await this.post<{ job_id: string }>("/execution/run", spec)).job_id;
  }

  job(id: string): Promise<Job> {
    return this.get(`/execution/get?job_id=${id}`);
  }

  /** Waits until a job stands somewhere. */
  async until(id: string, ...statuses: Job["status"][]): Promise<Job> {
    let job = await this.job(id);
    await wait(async () => {
      job = await this.job(id);
      return statuses.includes(job.status);
    }, `job ${id} becomes ${statuses}`);
    return job;
  }
}

const LONGEST_WAIT_MS = 30_000;

/** Waits for a condition. */
export async function wait(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + LONGEST_WAIT_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
