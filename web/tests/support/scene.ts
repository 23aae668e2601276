/** What most test files need: a collector and a browser for all their tests. */
import { after, before } from "node:test";
import type { Browser } from "playwright-core";
import { launch, type View, Visit } from "./browser.ts";
import { Collector } from "./collector.ts";

export class Scene {
  collector!: Collector;
  private browser!: Browser;

  /** Starts with the file's tests and ends with them. */
  static forThisFile(environment: Record<string, string> = {}): Scene {
    const scene = new Scene();
    before(async () => {
      [scene.collector, scene.browser] = await Promise.all([Collector.start(environment), launch()]);
    });
    after(async () => {
      await Promise.all([scene.collector?.stop(), scene.browser?.close()]);
    });
    return scene;
  }

  open(path: string, view: View = {}): Promise<Visit> {
    return Visit.open(this.browser, this.collector.url, path, view);
  }
}
