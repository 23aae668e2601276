/** A field of any kind, with its name, what it means, and what is wrong with it. */
import "./form.css";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { count } from "../format/quantity";
import { Icon } from "../ui/icon";
import { Words } from "../ui/text";
import { Choose, Flag, Free, NumberInput, Secret, Text } from "./inputs";
import { List, Members, Variants } from "./nested";
import { useFaults, useForm } from "./context";
import { type Field, type Schema, fieldOf } from "./schema";

export type Value = unknown;
export type FieldProps = {
  name: string;
  schema: Schema;
  pointer: string;
  required: boolean;
  value: Value;
  /** undefined: it is left out. */
  onChange: (value: Value) => void;
};
export type InputProps = Omit<FieldProps, "schema"> & { field: Field; id: string; describedBy: string; wrong: boolean };

export function AnyField(props: FieldProps) {
  const form = useForm();
  const field = fieldOf(props.schema, form.root);
  const id = useId();
  const faults = useFaults(props.pointer);
  const input: InputProps = {
    ...props,
    field,
    id,
    describedBy: `${id}-about`,
    wrong: faults.length > 0,
    onChange: (value) => {
      form.touch(props.pointer);
      props.onChange(value);
    },
  };
  const nested = field.kind.is === "object" || field.kind.is === "list" || field.kind.is === "variants";
  const about = (
    <div id={input.describedBy}>
      {field.description && (
        <p class="about">
          <Words text={field.description} />
        </p>
      )}
      {faults.map((fault) => (
        <p class="fault" key={fault}>
          <Icon name="failures" size={13} /> <span class="wrap">{fault}</span>
        </p>
      ))}
    </div>
  );
  return (
    <div class="form-field" data-pointer={props.pointer}>
      {nested ? (
        <fieldset aria-describedby={input.describedBy}>
          <legend>
            <Name {...input} />
          </legend>
          {about}
          <Input {...input} />
        </fieldset>
      ) : (
        <>
          <label for={id}>
            <Name {...input} />
          </label>
          <Input {...input} />
          {about}
        </>
      )}
    </div>
  );
}

function Name({ name, field, required }: InputProps): ComponentChildren {
  return (
    <>
      <code>{name}</code>
      <span class="faint small">{[kindName(field), required && "required"].filter(Boolean).join(", ")}</span>
    </>
  );
}

function Input(props: InputProps) {
  const { kind } = props.field;
  switch (kind.is) {
    case "text":
      return <Text {...props} format={kind.format} />;
    case "secret":
      return <Secret {...props} />;
    case "number":
      return <NumberInput {...props} />;
    case "flag":
      return <Flag {...props} />;
    case "choice":
      return <Choose {...props} choices={kind.choices} />;
    case "object":
      return <Members {...props} members={kind.members} />;
    case "list":
      return <List {...props} item={kind.item} />;
    case "variants":
      return <Variants {...props} variants={kind.variants} />;
    case "json":
      return <Free {...props} />;
  }
}

/** A word for what is expected, with its bounds. */
function kindName({ kind, minimum, maximum }: Field): string {
  if (kind.is === "number") {
    const range =
      minimum !== undefined && maximum !== undefined
        ? ` ${count(minimum)}–${count(maximum)}`
        : minimum !== undefined
          ? ` from ${count(minimum)}`
          : maximum !== undefined
            ? ` up to ${count(maximum)}`
            : "";
    return `${kind.whole ? "whole number" : "number"}${range}`;
  }
  if (kind.is === "text")
    return { plain: "", long: "", uri: "URL", "date-phrase": "date", "date-time": "time" }[kind.format];
  return {
    secret: "secret, stored sealed",
    flag: "",
    choice: "",
    object: "",
    list: "list",
    variants: "",
    json: "JSON",
  }[kind.is];
}
