/** What a collector observes: networks, full nodes and providers, played by `collector devnet`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BINARY, wait } from "./collector.ts";

export class Devnet {
  private constructor(
    /** What it has said on its output: a record, or URLs. */
    readonly lines: string[],
    private readonly process: ChildProcess,
  ) {}

  /** Starts one, and waits until it has said so many lines. */
  static async start(args: string[], lines: number): Promise<Devnet> {
    const child = spawn(BINARY, ["devnet", ...args], { stdio: ["ignore", "pipe", "ignore"] });
    // If the tests end in the middle of something, it ends with them.
    process.once("exit", () => child.kill());
    const said: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => said.push(line));
    const devnet = new Devnet(said, child);
    await wait(() => said.length >= lines || child.exitCode !== null, `devnet ${args.join(" ")} starts`);
    return devnet;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    await ended;
  }
}

/** Providers, and the configuration of a collector that knows them. */
export async function startProviders(
  args: string[],
): Promise<{ environment: Record<string, string>; stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "collector-web-"));
  const config = join(directory, "collector.toml");
  const devnet = await Devnet.start([...args, "--write-config", config], 1);
  await wait(
    async () => (await readFile(config, "utf8").catch(() => "")).includes("[providers."),
    "the providers are written down",
  );
  return {
    environment: { COLLECTOR_CONFIG: config },
    stop: async () => {
      await devnet.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
