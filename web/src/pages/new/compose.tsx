/** Writes a draft, as a form or as JSON, and sends it. */
import type { components } from "../../api/schema.gen";
import { useRef, useState } from "preact/hooks";
import { post } from "../../api/client";
import { type Fault, Problem } from "../../api/problem";
import { FormContext } from "../../form/context";
import type { Schema } from "../../form/schema";
import { fieldOf } from "../../form/schema";
import { MemberFields } from "../../form/nested";
import optionsSchema from "../../form/options.gen.json";
import { go, link } from "../../router";
import { tell, tellFailure } from "../../shell/toasts";
import { Icon } from "../../ui/icon";
import { specOf, useCheck } from "./check";
import { JsonEditor } from "./json-editor";
import type { Draft, Start } from "./start";

type Platform = components["schemas"]["Platform"];

export function Compose({ platform, start }: { platform: Platform; start: Start }) {
  const [draft, setDraft] = useState<Draft>(start.draft);
  const [asJson, setAsJson] = useState(false);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [sent, setSent] = useState(false);
  const [refused, setRefused] = useState<{ draft: Draft; faults: readonly Fault[] }>();
  const [busy, setBusy] = useState(false);
  const [unread, setUnread] = useState<ReadonlyMap<string, string>>(new Map());
  const key = useRef({ of: "", key: "" });
  const keepsSecrets = start.retries !== undefined;
  const verdict = useCheck(platform.id, draft, keepsSecrets);
  const faults = [
    ...Array.from(unread, ([pointer, complaint]) => ({ pointer, detail: `cannot be read yet: ${complaint}` })),
    // What the post was refused for holds until something is changed.
    ...(refused?.draft === draft ? refused.faults : verdict.faults),
  ];
  const touch = (pointer: string) =>
    setTouched((before) => (before.has(pointer) ? before : new Set(before).add(pointer)));
  const noteUnread = (pointer: string, complaint: string | undefined) =>
    setUnread((before) => {
      const others = [...before].filter(([one]) => one !== pointer);
      return new Map(complaint === undefined ? others : [...others, [pointer, complaint]]);
    });
  /** What is typed but cannot be read would be lost in the other view. */
  const write = (json: boolean) => (unread.size > 0 ? setSent(true) : setAsJson(json));
  const send = async () => {
    setSent(true);
    if (unread.size > 0) return;
    setBusy(true);
    try {
      const { job_id } = await submit(platform.id, draft, start.retries, key.current);
      tell("The task was accepted.");
      go(link(`jobs/${job_id}`));
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.faults.length > 0) setRefused({ draft, faults: thrown.faults });
      else tellFailure("The task was not accepted", thrown);
    } finally {
      setBusy(false);
    }
  };
  const form = { faults, touched, touch, sent, stored: verdict.stored, keepsSecrets, unread: noteUnread };
  const settings = platform.schema as Schema;
  const options = optionsSchema as Schema;
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div class="row">
        <div class="segments" role="group" aria-label="Written as">
          <button type="button" aria-pressed={!asJson} onClick={() => write(false)}>
            Form
          </button>
          <button type="button" aria-pressed={asJson} onClick={() => write(true)}>
            JSON
          </button>
        </div>
      </div>
      {asJson ? (
        <JsonEditor platform={platform.id} draft={draft} onChange={setDraft} unread={noteUnread} />
      ) : (
        <>
          <Part title="Settings">
            <FormContext.Provider value={{ ...form, root: settings }}>
              <MemberFields
                members={membersOf(settings)}
                value={draft.settings}
                pointer="/settings"
                onChange={(value) => setDraft({ ...draft, settings: value })}
              />
            </FormContext.Provider>
          </Part>
          <details class="card" open={Object.keys(draft.options).length > 0}>
            <summary>
              <h2>How it is executed</h2>
              <span class="faint small">own id, labels, priority, limits, attempts</span>
            </summary>
            <div class="body stack">
              <label class="field own-id-field">
                <span>Own id</span>
                <input
                  class="input"
                  value={draft._id ?? ""}
                  disabled={start.retries !== undefined}
                  maxLength={200}
                  autocomplete="off"
                  onInput={(event) => setDraft({ ...draft, _id: event.currentTarget.value })}
                />
                <span class="faint small">Kept and given back, never interpreted; jobs can be found by it.</span>
              </label>
              <FormContext.Provider value={{ ...form, root: options }}>
                <MemberFields
                  members={membersOf(options)}
                  value={draft.options}
                  pointer="/options"
                  onChange={(value) => setDraft({ ...draft, options: value })}
                />
              </FormContext.Provider>
            </div>
          </details>
        </>
      )}
      {(sent || (asJson && unread.size === 0)) && faults.length > 0 && <Faults faults={faults} />}
      <div class="buttons send">
        <button type="submit" class="button" data-kind="main" disabled={busy}>
          <Icon name="run" /> {start.retries ? "Run again" : "Run"}
        </button>
        <span class="faint small">
          {verdict.stored && faults.length === 0 ? `It will run in the pool ${verdict.stored.pool}.` : ""}
        </span>
      </div>
    </form>
  );
}

function Part({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <section class="card">
      <header>
        <h2>{title}</h2>
      </header>
      <div class="body">{children}</div>
    </section>
  );
}

/** Every complaint, each leading to its field. */
function Faults({ faults }: { faults: readonly Fault[] }) {
  const show = (pointer: string) => {
    const field = document.querySelector(`[data-pointer="${CSS.escape(pointer)}"]`);
    field?.scrollIntoView({ block: "center" });
    field?.querySelector<HTMLElement>("input, select, textarea, button")?.focus({ preventScroll: true });
  };
  return (
    <section class="card faults" role="alert" aria-label="What is wrong">
      <header>
        <h2>
          {faults.length === 1
            ? "One thing is wrong; nothing was stored"
            : `${faults.length} things are wrong; nothing was stored`}
        </h2>
      </header>
      <ul class="body">
        {faults.map(({ pointer, detail }) => (
          <li key={`${pointer} ${detail}`}>
            <button type="button" class="button" data-kind="link" onClick={() => show(pointer)}>
              <code>{pointer || "the whole"}</code>
            </button>{" "}
            <span class="wrap">{detail}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function membersOf(schema: Schema) {
  const { kind } = fieldOf(schema, schema);
  return kind.is === "object" ? kind.members : [];
}

/** Posts it; with the same key again if the same draft was not answered before, so that it runs once. */
async function submit(
  platform: string,
  draft: Draft,
  retries: string | undefined,
  last: { of: string; key: string },
): Promise<{ job_id: string }> {
  if (retries) {
    return post("/execution/retry", {
      query: { job_id: retries },
      body: { settings: draft.settings, options: draft.options },
    });
  }
  const body = specOf(platform, draft);
  const text = JSON.stringify(body);
  if (last.of !== text) {
    last.of = text;
    last.key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  }
  const accepted = await post("/execution/run", { body, headers: { "idempotency-key": last.key } });
  // The next one is meant as another, even if it says the same.
  last.of = "";
  return accepted;
}
