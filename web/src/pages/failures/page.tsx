/** What fails, grouped by platform and error, and what is in quarantine. */
import "./failures.css";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { Empty, Failed, Read } from "../../ui/note";
import { Groups } from "./groups";
import { Quarantine } from "./quarantine";

const EVERY_MS = 4000;

export default function Failures() {
  const poll = usePoll("failures", EVERY_MS, (signal) => get("/failures/get", {}, { signal }));
  return (
    <>
      <header class="head">
        <h1>Failures</h1>
      </header>
      <Read poll={poll} lines={8}>
        {({ groups, truncated }) => {
          const dead = groups.filter(({ status }) => status === "dead");
          const failed = groups.filter(({ status }) => status !== "dead");
          return (
            <div class="stack">
              {poll.problem && poll.problem.code !== "no_answer" && (
                <Failed problem={poll.problem} onAgain={poll.refresh} />
              )}
              {groups.length === 0 && (
                <Empty title="Nothing has failed" icon="check">
                  Jobs that fail, time out or die stand here by platform and error, as long as they are kept.
                </Empty>
              )}
              {dead.length > 0 && <Quarantine groups={dead} onDone={poll.refresh} />}
              {failed.length > 0 && <Groups groups={failed} onDone={poll.refresh} />}
              {truncated && <p class="soft">There are more groups; the largest are shown.</p>}
            </div>
          );
        }}
      </Read>
    </>
  );
}
