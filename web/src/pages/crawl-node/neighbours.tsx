/** Whom a node told of, and who told of it. */
import { useState } from "preact/hooks";
import { count } from "../../format/quantity";
import { Time } from "../../ui/text";
import { nodeHref, shortNode } from "../crawl/node";
import type { Detail } from "./page";

/** Shown at first; a node may have a thousand. */
const FIRST = 36;

export function Neighbours({ node: { network, neighbour_ids: ids } }: { node: Detail }) {
  return (
    <section class="card" aria-label="Neighbours">
      <header>
        <h2>Neighbours</h2>
        <span class="faint small">
          who told of it as of <Time at={ids.as_of} />
        </span>
      </header>
      <div class="body columns neighbours">
        <Ids
          title={`It told of ${count(ids.out.length)}`}
          network={network}
          ids={ids.out}
          none="It told of nobody, or was not asked yet."
        />
        <Ids title={`${count(ids.in_count)} told of it`} network={network} ids={ids.in} none="Nobody told of it." />
      </div>
    </section>
  );
}

function Ids({ title, network, ids, none }: { title: string; network: string; ids: readonly string[]; none: string }) {
  const [shown, setShown] = useState(FIRST);
  return (
    <div>
      <h3>{title}</h3>
      {ids.length === 0 && <p class="soft">{none}</p>}
      <ul class="ids">
        {ids.slice(0, shown).map((id) => (
          <li key={id}>
            <a class="mono" href={nodeHref(network, id)} title={id}>
              {shortNode(id)}
            </a>
          </li>
        ))}
      </ul>
      {ids.length > shown && (
        <button type="button" class="button" data-kind="link" onClick={() => setShown(ids.length)}>
          {count(ids.length - shown)} more
        </button>
      )}
    </div>
  );
}
