/** The little of Markdown that the document uses: paragraphs, lists, tables, code, strong words. No markup is believed. */
import type { ComponentChildren } from "preact";

export function Marked({ text }: { text: string }) {
  const blocks = text.trim().split(/\n\s*\n/);
  return (
    <div class="marked">
      {blocks.map((block, place) => (
        <Block key={place} lines={block.split("\n").map((line) => line.trim())} />
      ))}
    </div>
  );
}

function Block({ lines }: { lines: string[] }) {
  if (lines.every((line) => line.startsWith("|"))) return <Rows lines={lines} />;
  if (lines[0]?.startsWith("- ")) {
    const items = lines
      .join("\n")
      .split(/\n?^- /m)
      .filter(Boolean);
    return (
      <ul>
        {items.map((item, place) => (
          <li key={place}>{inline(item)}</li>
        ))}
      </ul>
    );
  }
  if (lines[0]?.startsWith("```")) return <pre class="pane wrap">{lines.slice(1, -1).join("\n")}</pre>;
  return <p>{inline(lines.join(" "))}</p>;
}

function Rows({ lines: [head = "", , ...rows] }: { lines: string[] }) {
  const cells = (line: string) =>
    line
      .slice(1, line.endsWith("|") ? -1 : undefined)
      .split("|")
      .map((cell) => cell.trim());
  return (
    <div class="table-frame">
      <table class="plain">
        <thead>
          <tr>
            {cells(head).map((cell, place) => (
              <th key={place} scope="col">
                {inline(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, n) => (
            <tr key={n}>
              {cells(row).map((cell, place) => (
                <td key={place}>{inline(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(text: string): ComponentChildren[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part, place) => {
    if (part.startsWith("`") && part.endsWith("`") && part.length > 1)
      return <code key={place}>{part.slice(1, -1)}</code>;
    if (part.startsWith("**") && part.endsWith("**") && part.length > 3)
      return <strong key={place}>{part.slice(2, -2)}</strong>;
    return part;
  });
}
