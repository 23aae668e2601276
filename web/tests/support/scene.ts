/** What most test files need: a collector and a browser for all their tests. */
import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { launch, PHONE, type View, Visit } from "./browser.ts";
import { Collector } from "./collector.ts";
import { poisonAnswers, TURNS } from "./poison.ts";

export class Scene {
  collector!: Collector;
  private browser!: Browser;

  /** Starts with the file's tests and ends with them; what the collector's environment needs may be started first. */
  static forThisFile(environment: Record<string, string> | (() => Promise<Record<string, string>>) = {}): Scene {
    const scene = new Scene();
    before(async () => {
      const resolved = typeof environment === "function" ? await environment() : environment;
      [scene.collector, scene.browser] = await Promise.all([Collector.start(resolved), launch()]);
    });
    after(async () => {
      await Promise.all([scene.collector?.stop(), scene.browser?.close()]);
    });
    return scene;
  }

  /**
   * Pages are accessible on a desk in light and on a phone in dark, where they fit; with each stands what it shows once it is all there. One browser
   * page goes through them: opening many takes longer than all that is asked of them.
   */
  async isForEverybody(pages: [path: string, ready: string][]): Promise<void> {
    const visit = await this.open("/ui/nowhere");
    const { page } = visit;
    for (const [path, ready] of pages) {
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1360, height: 900 });
      await page.goto(path);
      await page.locator(ready).first().waitFor();
      await visit.isAccessible();
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: PHONE.width ?? 390, height: PHONE.height ?? 844 });
      await page.reload();
      await page.locator(ready).first().waitFor();
      await visit.isAccessible();
      await visit.fits();
    }
    await visit.close();
  }

  /** Pages show answers in which everything that others may have written is hostile, at both widths. */
  async isDeaf(
    answers: string[],
    pages: [path: string, ready: string][],
    prepare?: (visit: Visit, turn: () => number) => Promise<unknown>,
  ): Promise<void> {
    const visit = await this.open("/ui/nowhere");
    const { page } = visit;
    let now = 0;
    await poisonAnswers(page, answers, () => now);
    await prepare?.(visit, () => now);
    for (const turn of TURNS) {
      now = turn;
      for (const [path, ready] of pages) {
        await page.setViewportSize({ width: 1360, height: 900 });
        await page.goto(path);
        await page.locator(ready).first().waitFor();
        await visit.fits();
        await page.setViewportSize({ width: PHONE.width ?? 390, height: PHONE.height ?? 844 });
        await visit.fits();
      }
    }
    await visit.close();
  }

  open(path: string, view: View = {}): Promise<Visit> {
    return Visit.open(this.browser, this.collector.url, path, view);
  }
}
