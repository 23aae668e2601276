/** The frame, and in it the page where the reader is. */
import { type ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { connection } from "../api/connection";
import { paused } from "../api/poll";
import { asProblem, type Problem } from "../api/problem";
import { PAGES, type Page, pageOf } from "../pages";
import { go, link, parts, place } from "../router";
import { Empty, Failed, Loading } from "../ui/note";
import { Bar } from "./bar";
import { Confirm } from "./confirm";
import { Help, helpOpen } from "./help";
import { useKeys } from "./keys";
import { Nav } from "./nav";
import { Palette, paletteOpen } from "./palette";
import { Toasts } from "./toasts";

export function Shell() {
  const shown = pageOf(parts.value);
  const page = useRef<HTMLElement>(null);
  const { path } = place.value;
  const before = useRef(path);
  // Who goes to another page is there: what had the focus is gone, or leads away from it.
  useEffect(() => {
    if (before.current !== path && !page.current?.contains(document.activeElement))
      page.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
  useKeys([
    { keys: "ctrl+k", does: "search", act: () => (paletteOpen.value = true) },
    { keys: "/", does: "search", act: () => (paletteOpen.value = true) },
    { keys: "?", does: "this list", act: () => (helpOpen.value = true) },
    { keys: "p", does: "pause, or go on", act: () => (paused.value = !paused.value) },
    ...PAGES.filter((one) => one.key).map((one) => ({
      keys: `g ${one.key}`,
      does: one.title,
      act: () => go(link(one.path)),
    })),
  ]);
  return (
    <div class="shell">
      <a class="skip" href="#page" onClick={(event) => (event.preventDefault(), page.current?.focus())}>
        To the page
      </a>
      <Nav />
      <Bar />
      <main class="page" id="page" tabIndex={-1} ref={page}>
        <Trouble />
        {shown ? <Loaded page={shown} key={shown.path} /> : <Nowhere />}
      </main>
      <Palette />
      <Help />
      <Confirm />
      <Toasts />
    </div>
  );
}

/** Says in the page what the badge in the bar says, where a small screen shows only its icon. */
function Trouble() {
  if (connection.value === "online") return null;
  const text =
    connection.value === "lost"
      ? "The collector does not answer. What is shown may be old; this page goes on by itself once it answers."
      : "The collector answers, but cannot reach Redis. Jobs cannot be read or accepted until it can.";
  return (
    <div class="banner" data-kind={connection.value} role="alert">
      {text}
    </div>
  );
}

function Nowhere() {
  return (
    <Empty title="There is no such page" icon="search">
      The address may be misspelt, or of another version of the dashboard. <a href={link("")}>To the overview</a>
    </Empty>
  );
}

/** Pages come when they are first wanted. */
function Loaded({ page }: { page: Page }) {
  const [View, setView] = useState<ComponentType>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    document.title = `${page.title} · Collector`;
    let isWanted = true;
    page.load().then(
      (module) => isWanted && setView(() => module.default),
      (thrown: unknown) => isWanted && setProblem(asProblem(thrown)),
    );
    return () => {
      isWanted = false;
    };
  }, [page]);
  if (View) return <View />;
  // After an update of the collector the old pages are gone: only reading everything anew helps.
  return problem ? <Failed problem={problem} onAgain={() => location.reload()} /> : <Loading />;
}
