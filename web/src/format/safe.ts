/** What others say is shown, never believed. */

/** The address if it leads to a page on the web; anything else (`javascript:`, `data:`) is no link. */
export function webAddress(text: string): string | undefined {
  if (!/^https?:\/\/\S+$/i.test(text) || text.length > 2000) return undefined;
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** At most so many characters, the end of a longer text being said to be missing. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
