/** JSON without loss: a whole number that JavaScript cannot hold stays as it is written, where the browser can keep it. */

declare global {
  interface JSON {
    rawJSON?(text: string): Large;
    isRawJSON?(value: unknown): boolean;
    parse(text: string, reviver: (key: string, value: unknown, context?: { source: string }) => unknown): unknown;
  }
}

/** A whole number beyond 2^53; `JSON.stringify` writes it as it was read. */
export type Large = { readonly rawJSON: string };

const WHOLE = /^-?[1-9]\d*$/;
/** A text without so many digits in a row has none of them. */
const MAYBE_LARGE = /\d{16}/;

export function isLarge(value: unknown): value is Large {
  return JSON.isRawJSON?.(value) === true;
}

export function parseJson(text: string): unknown {
  if (!MAYBE_LARGE.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context ? numberOf(context.source) : value,
  );
}

/** The number that a text is; the text itself, if it is none that can be kept. */
export function numberOf(text: string): unknown {
  const number = Number(text);
  if (text === "" || !Number.isFinite(number)) return text;
  if (!WHOLE.test(text) || Number.isSafeInteger(number)) return number;
  return JSON.rawJSON?.(text) ?? text;
}
