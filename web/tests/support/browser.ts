/** A real browser, and what must be true of every page however it is used. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export type Theme = "light" | "dark";
export type View = { theme?: Theme; width?: number; height?: number };
/** A phone. */
export const PHONE: View = { width: 390, height: 844 };

const axe = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS, headless: true });
}

/** A page that notes everything that must not happen. */
export class Visit {
  private readonly wrongs: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly origin: string,
  ) {}

  static async open(browser: Browser, origin: string, path: string, view: View = {}): Promise<Visit> {
    const options: BrowserContextOptions = {
      baseURL: origin,
      colorScheme: view.theme ?? "light",
      viewport: { width: view.width ?? 1360, height: view.height ?? 900 },
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    };
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const visit = new Visit(page, origin);
    visit.listen();
    await page.goto(path);
    return visit;
  }

  private listen(): void {
    const note = (text: string) => this.wrongs.push(text);
    this.page.on("pageerror", (error) => note(`an error: ${error.stack ?? error.message}`));
    this.page.on("dialog", (dialog) => {
      note(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    this.page.on("console", (message) => {
      // The browser says so of every answer that is not 2xx, also of those that a test wants.
      if (message.text().startsWith("Failed to load resource")) return;
      if (message.type() === "error" || message.type() === "warning") note(`the console: ${message.text()}`);
    });
    this.page.on("request", (request) => {
      if (!request.url().startsWith(this.origin)) note(`a request to elsewhere: ${request.url()}`);
    });
  }

  /** No script of a stranger ran, the policy was not violated, nobody else was asked, nothing failed. */
  async isClean(): Promise<void> {
    assert.equal(await this.page.evaluate("globalThis.hacked"), undefined, "a script of a stranger ran");
    assert.deepEqual(this.wrongs, []);
  }

  /** Nobody is shut out: axe finds nothing serious. */
  async isAccessible(): Promise<void> {
    // Evaluated through the debugger, which the page's policy does not concern.
    await this.page.evaluate(`globalThis.axe || (() => { ${await axe} })()`);
    const found = (await this.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
      violations: { id: string; impact: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const shown = serious.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map((node) => `  ${node.html}\n  ${node.failureSummary}`).join("\n")}`,
    );
    assert.deepEqual(shown, [], shown.join("\n"));
  }

  /** Nothing sticks out at the side. */
  async fits(): Promise<void> {
    const over = await this.page.evaluate(`(() => {
      const width = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth <= width) return [];
      return [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > width + 1)
        .slice(0, 5).map((one) => one.outerHTML.slice(0, 200));
    })()`);
    assert.deepEqual(over, [], "wider than the screen");
  }

  async close(): Promise<void> {
    await this.isClean();
    // Whoever answers in the collector's place may be in the middle of it.
    await this.page.unrouteAll({ behavior: "ignoreErrors" });
    await this.page.context().close();
  }
}

/** Texts that would do something if they were taken for more than text. Every one sets `hacked` if it runs. */
export const HOSTILE = [
  `<img src=x onerror="globalThis.hacked=1">`,
  `"><script>globalThis.hacked=1</script>`,
  `javascript:globalThis.hacked=1`,
  `\u202Egnp.exe\u202C \u2067אבג`,
  `{{constructor.constructor('globalThis.hacked=1')()}}`,
  "a".repeat(10_000),
];
