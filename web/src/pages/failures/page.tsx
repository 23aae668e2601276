/** What fails, grouped by platform and error, and what is in quarantine. */
import "./failures.css";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { Waiting, useHeld } from "../../ui/held";
import { Empty, Read } from "../../ui/note";
import { Groups, groupId } from "./groups";
import { Quarantine } from "./quarantine";

const EVERY_MS = 4000;

export default function Failures() {
  const poll = usePoll("failures", EVERY_MS, async (signal) => {
    const { groups, truncated } = await get("/failures/get", {}, { signal });
    return { rows: groups, truncated };
  });
  const held = useHeld(poll.data, "failures", groupId);
  return (
    <>
      <header class="head">
        <h1>Failures</h1>
      </header>
      <Read poll={poll} lines={8}>
        {({ truncated }) => {
          const dead = held.rows.filter(({ status }) => status === "dead");
          const failed = held.rows.filter(({ status }) => status !== "dead");
          return (
            <div class="stack">
              <Waiting held={held} />
              {held.rows.length === 0 && (
                <Empty title="Nothing has failed" icon="check">
                  Jobs that fail, time out or die stand here by platform and error, as long as they are kept.
                </Empty>
              )}
              {dead.length > 0 && <Quarantine groups={dead} onDone={poll.refresh} />}
              {failed.length > 0 && <Groups groups={failed} left={held.left} onDone={poll.refresh} />}
              {truncated && <p class="soft">There are more groups; the largest are shown.</p>}
            </div>
          );
        }}
      </Read>
    </>
  );
}
