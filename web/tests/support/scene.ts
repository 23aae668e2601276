/** What most test files need: a collector and a browser for all their tests. */
import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { launch, PHONE, type View, Visit } from "./browser.ts";
import { Collector } from "./collector.ts";

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

  /** A page is accessible in both themes, and fits a phone; `ready` is what it shows once it is all there. */
  async isForEverybody(path: string, ready: string): Promise<void> {
    for (const view of [{ theme: "light" }, { theme: "dark" }, PHONE] satisfies View[]) {
      const visit = await this.open(path, view);
      await visit.page.locator(ready).first().waitFor();
      await visit.isAccessible();
      await visit.fits();
      await visit.close();
    }
  }

  open(path: string, view: View = {}): Promise<Visit> {
    return Visit.open(this.browser, this.collector.url, path, view);
  }
}
