/** What stands where data would be: nothing there, not yet there, or not to be had. Each says what to do. */
import type { ComponentChildren } from "preact";
import type { Poll } from "../api/poll";
import type { Problem } from "../api/problem";
import { Icon, type IconName } from "./icon";

export function Empty(props: { title: string; icon?: IconName; children?: ComponentChildren }) {
  return (
    <div class="note">
      <Icon name={props.icon ?? "empty"} />
      <h3>{props.title}</h3>
      {props.children && <p>{props.children}</p>}
    </div>
  );
}

export function Failed({ problem, onAgain }: { problem: Problem; onAgain?: () => void }) {
  return (
    <div class="note" data-kind="bad" role="alert">
      <Icon name="failures" />
      <h3>{problem.title}</h3>
      {problem.detail && <p class="wrap">{problem.detail}</p>}
      {problem.requestId && <p class="faint small">The collector's log says more under request {problem.requestId}.</p>}
      {onAgain && (
        <button type="button" class="button" onClick={onAgain}>
          <Icon name="again" /> Try again
        </button>
      )}
    </div>
  );
}

/** Lines where text will be; they tell a screen reader that it is being read. */
export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <div class="stack body" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <div class="bone" key={line} style={{ width: `${96 - ((line * 17) % 50)}%` }} />
      ))}
    </div>
  );
}

/**
 * What was read, once it was read; before, that it is read; if that failed, why. What was read before stays below it,
 * unless it is of another question; that nothing answers at all the frame says already.
 */
export function Read<T>(props: { poll: Poll<T>; lines?: number; children: (data: T) => ComponentChildren }) {
  const { data, problem, stale, refresh } = props.poll;
  const failed = problem && <Failed problem={problem} onAgain={refresh} />;
  if (data === undefined || (stale && problem)) return failed ?? <Loading lines={props.lines ?? 4} />;
  return (
    <>
      {problem?.code !== "no_answer" && failed}
      {props.children(data)}
    </>
  );
}
