/** Rows with a keyboard: j/k walk, Enter opens, x picks. Rows are known by their id, so they may change while looked at. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useKeys } from "../shell/keys";
import { go } from "../router";

export type Column<T> = {
  title: string;
  cell: (row: T) => ComponentChildren;
  align?: "right";
  /** It gets the room that is left, and cuts what is longer; at most one of a table. */
  fill?: true;
  /** What gives way first when there is little room: 3, then 2. */
  rank?: 2 | 3;
};

export type Picking = {
  picked: ReadonlySet<string>;
  /** All that are now picked. */
  onPick: (picked: ReadonlySet<string>) => void;
};

export type TableProps<T> = {
  /** For screen readers. */
  label: string;
  columns: Column<T>[];
  rows: readonly T[];
  id: (row: T) => string;
  /** Where a row leads. */
  href?: (row: T) => string;
  picking?: Picking | undefined;
  /** Rows that are shown still but are no longer part of what is listed. */
  left?: ReadonlySet<string>;
  /** What is shown is of another question than the one now asked. */
  stale?: boolean;
  /** Whether j, k, Enter and x are for this table; at most one of a page. */
  keyboard?: boolean;
};

export function Table<T>(props: TableProps<T>) {
  const { columns, rows, id, href, picking } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  return (
    <div class="table-frame" data-stale={props.stale ? "" : undefined} tabIndex={-1}>
      {props.keyboard && <Walk body={body} picking={picking} />}
      <table class="table" aria-label={props.label}>
        <thead>
          <tr>
            {picking && (
              <th class="tick">
                <PickAll ids={rows.map(id)} {...picking} />
              </th>
            )}
            {columns.map((column) => (
              <th key={column.title} scope="col" data-align={column.align} data-rank={column.rank}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((row) => {
            const rowId = id(row);
            const isPicked = picking?.picked.has(rowId);
            return (
              <tr
                key={rowId}
                data-id={rowId}
                data-href={href?.(row)}
                data-opens={href ? "" : undefined}
                data-picked={isPicked ? "" : undefined}
                data-left={props.left?.has(rowId) ? "" : undefined}
                tabIndex={-1}
                onClick={href ? (event) => open(event, href(row)) : undefined}
              >
                {picking && (
                  <td class="tick">
                    <input
                      type="checkbox"
                      aria-label={`Select ${rowId}`}
                      checked={isPicked ?? false}
                      onChange={() => toggle(picking, rowId)}
                    />
                  </td>
                )}
                {columns.map((column, place) => (
                  <td
                    key={column.title}
                    data-place={place}
                    data-align={column.align}
                    data-rank={column.rank}
                    data-fill={column.fill && ""}
                  >
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function PickAll({ ids, picked, onPick }: { ids: string[] } & Picking) {
  const among = ids.filter((one) => picked.has(one)).length;
  const all = ids.length > 0 && among === ids.length;
  const set = (box: HTMLInputElement | null) => {
    if (box) box.indeterminate = among > 0 && !all;
  };
  return (
    <input
      type="checkbox"
      ref={set}
      aria-label="Select all shown"
      checked={all}
      onChange={() => onPick(new Set(all ? [] : ids))}
    />
  );
}

function toggle({ picked, onPick }: Picking, id: string): void {
  const next = new Set(picked);
  if (!next.delete(id)) next.add(id);
  onPick(next);
}

/** A click on a row is one on its link, unless it is one on something in it, or ends a selection of text. */
function open(event: MouseEvent, href: string): void {
  if (event.target instanceof Element && event.target.closest("a, button, input, label, summary")) return;
  if (getSelection()?.toString()) return;
  if (event.metaKey || event.ctrlKey) window.open(href, "_blank", "noopener");
  else go(href);
}

/** The keys of a table. Where one is, is where the focus is, so that it survives every change of the rows. */
function Walk({ body, picking }: { body: { current: HTMLTableSectionElement | null }; picking: Picking | undefined }) {
  const here = () => document.activeElement?.closest<HTMLTableRowElement>("tr[data-id]") ?? undefined;
  const step = (by: 1 | -1) => {
    const row = here();
    const next = row
      ? by === 1
        ? row.nextElementSibling
        : row.previousElementSibling
      : body.current?.firstElementChild;
    if (next instanceof HTMLElement) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    }
  };
  useKeys([
    { keys: "j", does: "next row", act: () => step(1) },
    { keys: "k", does: "row before", act: () => step(-1) },
    { keys: "Enter", does: "open the row", act: () => here()?.dataset.href && go(here()?.dataset.href ?? "") },
    { keys: "x", does: "select the row", act: () => picking && here() && toggle(picking, here()?.dataset.id ?? "") },
  ]);
  return null;
}
