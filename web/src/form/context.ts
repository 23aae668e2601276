/** What every field of a form needs to know. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
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
