/** Inputs for single values. An empty one leaves the value out, so that the default holds. */
import { useRef, useState } from "preact/hooks";
import { numberOf } from "../api/json";
import { absolute } from "../format/time";
import { zone } from "../shell/preferences";
import { Words } from "../ui/text";
import { storedAt, useForm, useJsonText } from "./context";
import type { InputProps } from "./field";
import type { Choice } from "./schema";

/** What the API shows in place of a secret. */
export const MASK = "••••";

function attributes({ id, describedBy, wrong, required }: InputProps) {
  return {
    id,
    class: "input",
    "aria-describedby": describedBy,
    "aria-invalid": wrong,
    "aria-required": required,
    autocomplete: "off",
    spellcheck: false,
  };
}

function hint({ field }: InputProps): string {
  if (field.default !== undefined && field.default !== null)
    return `${typeof field.default === "string" ? field.default : JSON.stringify(field.default)} (default)`;
  const [example] = field.examples ?? [];
  return typeof example === "string" ? `for example ${example}` : "";
}

export function Text(props: InputProps & { format: "plain" | "long" | "uri" | "date-phrase" | "date-time" }) {
  const { value, onChange, pointer, format } = props;
  const text = typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
  const change = (typed: string) => onChange(typed === "" ? undefined : typed);
  if (format === "long")
    return (
      <textarea
        {...attributes(props)}
        placeholder={hint(props)}
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
      />
    );
  return (
    <>
      <input
        {...attributes(props)}
        inputMode={format === "uri" ? "url" : "text"}
        placeholder={hint(props)}
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
      />
      {format === "date-phrase" && text && <Means pointer={pointer} phrase={text} />}
      {format === "date-time" && text && !Number.isNaN(Date.parse(text)) && (
        <p class="means">= {absolute(Date.parse(text), zone.value)}</p>
      )}
    </>
  );
}

/** What the API understands by a phrase, now. */
function Means({ pointer, phrase }: { pointer: string; phrase: string }) {
  const stored = storedAt(useForm().stored, pointer) as { phrase?: unknown; value?: unknown } | undefined;
  if (stored?.phrase !== phrase || typeof stored.value !== "string") return null;
  return (
    <p class="means" role="status">
      = <span class="number">{stored.value}</span>
    </p>
  );
}

export function Secret(props: InputProps) {
  const { keepsSecrets } = useForm();
  const kept = props.value === MASK && keepsSecrets;
  // Who takes back what he has typed has not said that there shall be none.
  const instead = useRef(kept ? MASK : undefined).current;
  return (
    <input
      {...attributes(props)}
      type="password"
      autocomplete="new-password"
      placeholder={kept ? `${MASK} kept as it was` : ""}
      value={typeof props.value === "string" && !kept ? props.value : ""}
      onInput={({ currentTarget: { value } }) => props.onChange(value === "" ? instead : value)}
    />
  );
}

/** What is no number goes to the API as it was typed, and comes back as its complaint. */
export function NumberInput(props: InputProps) {
  const { value, onChange } = props;
  const change = (typed: string) => onChange(typed.trim() === "" ? undefined : numberOf(typed.trim()));
  const shown = value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return <TypedNumber {...props} shown={shown} change={change} />;
}

/** Keeps what is being typed ("1.", "1e") until it is left. */
function TypedNumber(props: InputProps & { shown: string; change: (typed: string) => void }) {
  const [typed, setTyped] = useState<string | undefined>(undefined);
  return (
    <input
      {...attributes(props)}
      inputMode="decimal"
      placeholder={hint(props)}
      value={typed ?? props.shown}
      onInput={({ currentTarget: { value } }) => {
        setTyped(value);
        props.change(value);
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}

export function Flag(props: InputProps) {
  const { value, field, onChange } = props;
  const on = typeof value === "boolean" ? value : field.default === true;
  return (
    <span class="row flag">
      <input
        {...attributes(props)}
        class=""
        type="checkbox"
        checked={on}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span class="soft">{on ? "yes" : "no"}</span>
    </span>
  );
}

export function Choose(props: InputProps & { choices: Choice[] }) {
  const { value, choices, onChange, field, required } = props;
  const at = choices.findIndex((choice) => choice.value === value);
  const chosen = choices[at];
  const none =
    field.default !== undefined && field.default !== null
      ? `${String(field.default)} (default)`
      : required
        ? "choose…"
        : "none";
  return (
    <>
      <select
        {...attributes(props)}
        value={at < 0 ? "" : String(at)}
        onChange={({ currentTarget: { value: place } }) =>
          onChange(place === "" ? undefined : choices[Number(place)]?.value)
        }
      >
        <option value="">{none}</option>
        {choices.map((choice, place) => (
          <option key={choice.text} value={String(place)}>
            {choice.text}
          </option>
        ))}
      </select>
      {chosen?.description && (
        <p class="means">
          <Words text={chosen.description} />
        </p>
      )}
    </>
  );
}

/** Anything, as JSON. */
export function Free(props: InputProps) {
  const { value, onChange, pointer } = props;
  const { touch, unread } = useForm();
  const { typed, change, leave } = useJsonText(pointer, unread, onChange);
  return (
    <textarea
      {...attributes(props)}
      placeholder={hint(props)}
      value={typed ?? (value === undefined ? "" : JSON.stringify(value, null, 2))}
      onInput={(event) => (touch(pointer), change(event.currentTarget.value))}
      onBlur={leave}
    />
  );
}
