/** What can be executed: each platform with its settings, its limits and an example. */
import "./platforms.css";
import type { components } from "../../api/schema.gen";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { mayAct } from "../../api/system";
import { counted } from "../../format/quantity";
import { duration } from "../../format/time";
import { link } from "../../router";
import { Icon } from "../../ui/icon";
import { Json } from "../../ui/json";
import { Read } from "../../ui/note";
import { type Column, Table } from "../../ui/table";
import { Copy, Words } from "../../ui/text";

type Platform = components["schemas"]["Platform"];
type Setting = components["schemas"]["Setting"];

export default function Platforms() {
  const poll = usePoll("platforms", 0, (signal) => get("/platforms/get", {}, { signal }));
  return (
    <>
      <header class="head">
        <h1>Platforms</h1>
      </header>
      <Read poll={poll} lines={8}>
        {({ platforms }) => (
          <div class="stack">
            <p class="soft">
              {counted(platforms.length, "platform")}, each one file in platforms/; a task spec names one and brings its
              settings.
            </p>
            {platforms.map((platform) => (
              <PlatformCard key={platform.id} platform={platform} />
            ))}
          </div>
        )}
      </Read>
    </>
  );
}

function PlatformCard({ platform }: { platform: Platform }) {
  const { id, description, pool, timeout_s, attempts, settings, example } = platform;
  return (
    <section class="card platform" aria-labelledby={`platform-${id}`}>
      <header>
        <h2 id={`platform-${id}`} class="mono">
          {id}
        </h2>
        <a class="button" href={link("jobs", { platform: id })}>
          <Icon name="jobs" /> Its jobs
        </a>
        {mayAct() && (
          <a class="button" data-kind="main" href={link("new", { platform: id })}>
            <Icon name="create" /> New task
          </a>
        )}
      </header>
      <div class="body stack">
        <p class="lead">{description}</p>
        <ul class="chips" aria-label="Limits">
          <li class="chip">pool {pool}</li>
          <li class="chip">
            {timeout_s === null ? "no time limit: it stands" : `at most ${duration(timeout_s * 1000)} a run`}
          </li>
          <li class="chip">{counted(attempts, "attempt")}</li>
        </ul>
        <details>
          <summary>{counted(settings.length, "setting")}</summary>
          <Table label={`Settings of ${id}`} columns={COLUMNS} rows={settings} id={(setting) => setting.name} />
        </details>
        {example && (
          <details>
            <summary>Example</summary>
            <div class="example">
              <Json value={example} open={4} />
              <Copy text={JSON.stringify(example, null, 2)} what="Example" />
            </div>
          </details>
        )}
      </div>
    </section>
  );
}

const COLUMNS: Column<Setting>[] = [
  {
    title: "Name",
    cell: ({ name, required }) => (
      <>
        <code>{name}</code>
        {required && <span class="required small"> required</span>}
      </>
    ),
  },
  { title: "Type", cell: ({ type }) => <span class="soft">{type}</span> },
  {
    title: "Default",
    rank: 2,
    cell: (setting) =>
      "default" in setting ? <code class="wrap">{JSON.stringify(setting.default)}</code> : <span class="faint">–</span>,
  },
  { title: "Description", fill: true, cell: ({ description }) => <Words text={description} /> },
];
