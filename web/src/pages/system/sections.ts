/** A configuration as the sections of its file. */

export type Entry = { key: string; value: string };

/** Tables, with the keys that are no tables themselves. */
export function sectionsOf(config: object): [string, Entry[]][] {
  const sections: [string, Entry[]][] = [];
  const walk = (name: string, table: object) => {
    const own: Entry[] = [];
    const tables: [string, object][] = [];
    for (const [key, value] of Object.entries(table) as [string, unknown][]) {
      if (value !== null && typeof value === "object" && !Array.isArray(value))
        tables.push([name ? `${name}.${key}` : key, value]);
      else own.push({ key, value: JSON.stringify(value) ?? "" });
    }
    if (own.length > 0) sections.push([name, own]);
    for (const [inner, value] of tables) walk(inner, value);
  };
  walk("", config);
  return sections;
}
