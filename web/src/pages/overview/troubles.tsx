/** What is wrong right now, in words, with a way to the place where it can be seen. */
import type { components } from "../../api/schema.gen";
import { link } from "../../router";
import { Icon } from "../../ui/icon";

type Trouble = components["schemas"]["Trouble"];

export function Troubles({ troubles }: { troubles: readonly Trouble[] }) {
  if (troubles.length === 0) {
    return (
      <p class="all-well">
        <Icon name="check" /> Nothing is wrong.
      </p>
    );
  }
  return (
    <ul class="stack troubles" aria-label="What is wrong now">
      {troubles.map((trouble) => (
        <li class="trouble" key={`${trouble.code} ${trouble.pool ?? ""}`}>
          <Icon name="failures" />
          <span>{trouble.message}</span>
          {trouble.pool && (
            <a href={link("jobs", { status: "queued", pool: trouble.pool })} class="small">
              its jobs
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}
