/** The configuration in force, key by key as its file would say it; the server has masked what is secret. */
import { cut } from "../../format/safe";
import { param, setParams } from "../../router";
import { Empty } from "../../ui/note";
import { Copy } from "../../ui/text";
import { sectionsOf } from "./sections";

export function Config({ config }: { config: object }) {
  const words = param("key").toLowerCase();
  const sections = sectionsOf(config)
    .map(
      ([name, entries]) =>
        [name, entries.filter(({ key, value }) => `${name}.${key} ${value}`.toLowerCase().includes(words))] as const,
    )
    .filter(([, entries]) => entries.length > 0);
  return (
    <section class="card" aria-label="Configuration">
      <header>
        <h2>Configuration in force</h2>
        <input
          class="input config-filter"
          type="search"
          aria-label="Keys that contain"
          placeholder="key or value…"
          maxLength={100}
          value={param("key")}
          onInput={(event) => setParams({ key: event.currentTarget.value }, "replace")}
        />
        <Copy text={JSON.stringify(config, null, 2)} what="Configuration" />
      </header>
      {sections.length === 0 && <Empty title="No key is like that" icon="filter" />}
      <div class="body config">
        {sections.map(([name, entries]) => (
          <section key={name} aria-label={name || "top"}>
            <h3 class="mono">{name ? `[${name}]` : "(top)"}</h3>
            <dl>
              {entries.map(({ key, value }) => (
                <div key={key}>
                  <dt class="mono">{key}</dt>
                  <dd class="mono wrap">
                    <bdi>{cut(value, 2000)}</bdi>
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </section>
  );
}
