/** Every page. A further one is a file in `pages/` and a line here. */
import type { ComponentType } from "preact";
import type { IconName } from "./ui/icon";

export type Page = {
  /** Below `/ui/`; `:id` stands for one part. */
  path: string;
  title: string;
  icon: IconName;
  /** After `g`; pages with one stand in the navigation. */
  key?: string;
  /** A line above it in the navigation. */
  apart?: boolean;
  load: () => Promise<{ default: ComponentType }>;
};

export const PAGES: readonly Page[] = [
  { path: "", title: "Overview", icon: "overview", key: "o", load: () => import("./pages/overview/page") },
  { path: "jobs", title: "Jobs", icon: "jobs", key: "j", load: () => import("./pages/jobs/page") },
  { path: "jobs/:id", title: "Job", icon: "jobs", load: () => import("./pages/job/page") },
  { path: "sanjers", title: "Sanjers", icon: "sanjers", key: "s", load: () => import("./pages/sanjers/page") },
  { path: "failures", title: "Failures", icon: "failures", key: "f", load: () => import("./pages/failures/page") },
  { path: "requests", title: "Requests", icon: "requests", key: "r", load: () => import("./pages/requests/page") },
  { path: "requests/:id", title: "Request", icon: "requests", load: () => import("./pages/request/page") },
  { path: "crawl", title: "Crawl", icon: "network", key: "c", load: () => import("./pages/crawl/page") },
  { path: "crawl/:id", title: "Node", icon: "network", load: () => import("./pages/crawl-node/page") },
  { path: "full-nodes", title: "Full nodes", icon: "nodes", key: "u", load: () => import("./pages/full-nodes/page") },
  { path: "full-nodes/:id", title: "Full node", icon: "nodes", load: () => import("./pages/full-node/page") },
  { path: "platforms", title: "Platforms", icon: "platforms", key: "p", load: () => import("./pages/platforms/page") },
  { path: "new", title: "New task", icon: "create", key: "n", load: () => import("./pages/new/page") },
  { path: "system", title: "System", icon: "system", key: "y", apart: true, load: () => import("./pages/system/page") },
  {
    path: "reference",
    title: "API reference",
    icon: "reference",
    key: "a",
    load: () => import("./pages/reference/page"),
  },
];

/** The page of a path, if there is one. */
export function pageOf(parts: readonly string[]): Page | undefined {
  return PAGES.find(({ path }) => {
    const wanted = path.split("/").filter(Boolean);
    return (
      wanted.length === parts.length && wanted.every((part, place) => part.startsWith(":") || part === parts[place])
    );
  });
}

/** The page of the navigation to which a path belongs. */
export function roofOf(parts: readonly string[]): Page | undefined {
  return pageOf(parts.slice(0, 1));
}
