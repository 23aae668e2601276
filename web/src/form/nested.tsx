/** Inputs for values that have values in them. */
import { Icon } from "../ui/icon";
import { IconButton } from "../ui/icon-button";
import { Words } from "../ui/text";
import { AnyField, type InputProps } from "./field";
import { type Member, type Schema, type Variant, fieldOf, pointer as below, variantIn } from "./schema";
import { useForm } from "./context";

type Members = Record<string, unknown>;

function asMembers(value: unknown): Members {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Members) : {};
}

/** With one member changed, or left out. */
function changed(members: Members, name: string, value: unknown): Members {
  const { [name]: _, ...others } = members;
  return value === undefined ? others : { ...others, [name]: value };
}

/** The members of an object, the required ones first. */
export function MemberFields(props: {
  members: readonly Member[];
  value: unknown;
  pointer: string;
  onChange: (value: Members) => void;
  without?: readonly string[];
}) {
  const value = asMembers(props.value);
  const shown = props.members.filter(({ name }) => !props.without?.includes(name));
  const ordered = [...shown.filter(({ required }) => required), ...shown.filter(({ required }) => !required)];
  return (
    <div class="form-members">
      {ordered.map(({ name, schema, required }) => (
        <AnyField
          key={name}
          name={name}
          schema={schema}
          required={required}
          pointer={below(props.pointer, name)}
          value={value[name]}
          onChange={(one) => props.onChange(changed(value, name, one))}
        />
      ))}
    </div>
  );
}

/** An object; one that may be missing is first asked for. */
export function Members(props: InputProps & { members: Member[] }) {
  const { value, onChange, required, name } = props;
  if (value === undefined || value === null) {
    if (required) return <MemberFields {...props} onChange={onChange} />;
    return (
      <button type="button" class="button" onClick={() => onChange({})}>
        <Icon name="create" /> Set {name}
      </button>
    );
  }
  return (
    <>
      <MemberFields {...props} onChange={onChange} />
      {!required && <LeaveOut {...props} />}
    </>
  );
}

function LeaveOut({ name, onChange }: InputProps) {
  return (
    <button type="button" class="button" data-kind="plain" onClick={() => onChange(undefined)}>
      <Icon name="close" /> Leave {name} out
    </button>
  );
}

/** One of several shapes. */
export function Variants(props: InputProps & { variants: Variant[] }) {
  const { variants, value, onChange, required, pointer, id } = props;
  const { root } = useForm();
  const chosen = variantIn(variants, value);
  const choose = (text: string) => {
    const variant = variants.find((one) => one.text === text);
    onChange(variant ? { ...variant.fixed } : undefined);
  };
  const kind = chosen && fieldOf(chosen.schema, root).kind;
  return (
    <>
      <select
        class="input"
        id={id}
        aria-label={props.name}
        value={chosen?.text ?? ""}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        <option value="">{required ? "choose…" : "none"}</option>
        {variants.map(({ text }) => (
          <option key={text}>{text}</option>
        ))}
      </select>
      {chosen?.description && (
        <p class="means">
          <Words text={chosen.description} />
        </p>
      )}
      {chosen && kind?.is === "object" && (
        <MemberFields
          members={kind.members}
          value={value}
          pointer={pointer}
          onChange={onChange}
          without={Object.keys(chosen.fixed)}
        />
      )}
    </>
  );
}

/** Items one by one; several lines that are pasted become as many items. */
export function List(props: InputProps & { item: Schema }) {
  const { item, value, onChange, pointer, field, name } = props;
  const { root } = useForm();
  const items: unknown[] = Array.isArray(value) ? value : [];
  const set = (next: unknown[]) => onChange(next.length === 0 ? undefined : next);
  const { kind } = fieldOf(item, root);
  const preset: unknown[] = Array.isArray(field.default) ? field.default : [];
  const empty = kind.is === "object" ? {} : "";
  const full = field.maxItems !== undefined && items.length >= field.maxItems;
  const onPaste = (event: ClipboardEvent, place: number) => {
    const lines =
      event.clipboardData
        ?.getData("text")
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter(Boolean) ?? [];
    if (kind.is !== "text" || lines.length < 2) return;
    event.preventDefault();
    set([...items.slice(0, place), ...lines, ...items.slice(place + 1)]);
  };
  return (
    <div class="form-list">
      {value === undefined && preset.length > 0 && <p class="means">{preset.map(String).join(", ")} (default)</p>}
      {items.map((one, place) => (
        <div class="form-item" key={place} onPaste={(event) => onPaste(event, place)}>
          <AnyField
            name={String(place + 1)}
            schema={item}
            required
            pointer={below(pointer, place)}
            value={one}
            onChange={(next) => set(items.map((before, at) => (at === place ? (next ?? empty) : before)))}
          />
          <IconButton
            icon="close"
            label={`Remove item ${place + 1} of ${name}`}
            onClick={() => set(items.filter((_, at) => at !== place))}
          />
        </div>
      ))}
      <button
        type="button"
        class="button"
        disabled={full}
        onClick={() => onChange([...(value === undefined ? preset : items), empty])}
      >
        <Icon name="create" /> Add to {name}
      </button>
    </div>
  );
}
