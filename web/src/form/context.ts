/** What every field of a form needs to know. */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { parseJson } from "../api/json";
import type { Fault } from "../api/problem";
import type { Schema } from "./schema";

export type Form = {
  root: Schema;
  faults: readonly Fault[];
  /** The faults of fields that nobody has filled in yet are not told before the form is sent. */
  touched: ReadonlySet<string>;
  touch: (pointer: string) => void;
  sent: boolean;
  /** What would be stored, as far as it is known: dates with their values. */
  stored: unknown;
  /** Whether secrets that are masked are kept as they were. */
  keepsSecrets: boolean;
  /** Text that is typed at a pointer cannot be read yet, or can be again: until then nothing is sent. */
  unread: (pointer: string, complaint: string | undefined) => void;
};

export const FormContext = createContext<Form | undefined>(undefined);

export function useForm(): Form {
  const form = useContext(FormContext);
  if (!form) throw new Error("a field outside of a form");
  return form;
}

/** What the API says of a field, if it may be said yet. */
export function useFaults(pointer: string): string[] {
  const { faults, touched, sent } = useForm();
  if (!sent && !touched.has(pointer)) return [];
  return faults.filter((fault) => fault.pointer === pointer).map(({ detail }) => detail);
}

/** JSON that is typed: what is valid is taken over at once, what is not is `unread`. */
export function useJsonText(pointer: string, unread: Form["unread"], take: (value: unknown) => void) {
  const [typed, setTyped] = useState<string>();
  const [complaint, setComplaint] = useState<string>();
  const tell = (wrong: string | undefined) => {
    setComplaint(wrong);
    unread(pointer, wrong);
  };
  const change = (text: string) => {
    setTyped(text);
    try {
      take(text.trim() === "" ? undefined : parseJson(text));
      tell(undefined);
    } catch (thrown) {
      tell(thrown instanceof Error ? thrown.message : "not JSON");
    }
  };
  // What is not shown any more is not missed.
  useEffect(() => () => unread(pointer, undefined), [pointer]);
  return { typed, complaint, change, leave: () => complaint ?? setTyped(undefined) };
}

/** What stands at a pointer into `stored` (`/settings/on`). */
export function storedAt(stored: unknown, pointer: string): unknown {
  const names = pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce<unknown>(
    (place, name) =>
      place !== null && typeof place === "object" ? (place as Record<string, unknown>)[name] : undefined,
    stored,
  );
}
