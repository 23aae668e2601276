/** The log of a job: its last lines, live; older ones on demand. */
import type { components } from "../../api/schema.gen";
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count } from "../../format/quantity";
import { absolute, clock, now } from "../../format/time";
import { zone } from "../../shell/preferences";
import { Icon } from "../../ui/icon";
import { Empty, Read } from "../../ui/note";
import { isTerminal } from "../../ui/status";
import type { Job } from "./live";

type LogPage = components["schemas"]["LogPage"];

const LIMIT = 300;
/** Nearer to the end than this, the reader wants to see what comes. */
const NEAR_PX = 40;

export function Log({ job, logged }: { job: Job; logged: number }) {
  const newest = usePoll(`${job.job_id} ${logged}`, 0, (signal) =>
    get("/execution/log", { job_id: job.job_id, limit: LIMIT }, { signal }),
  );
  return (
    <Read poll={newest} lines={5}>
      {(page) => (page.total === 0 ? <NoLines job={job} /> : <Lines job={job} newest={page} />)}
    </Read>
  );
}

function NoLines({ job }: { job: Job }) {
  return (
    <Empty title="Nothing logged">
      {isTerminal(job.status) ? "This job has logged nothing." : "Lines appear here as the job logs them."}
    </Empty>
  );
}

function Lines({ job, newest }: { job: Job; newest: LogPage }) {
  const [older, setOlder] = useState<{ first: number; lines: LogPage["lines"] }>({ first: Infinity, lines: [] });
  const [filter, setFilter] = useState("");
  const frame = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  // Older lines end where the newest begin; if the log has run ahead of them, they no longer join.
  const joined = older.lines.length > 0 && older.first + older.lines.length >= newest.first;
  const first = joined ? Math.min(older.first, newest.first) : newest.first;
  const lines = joined
    ? [...older.lines.slice(0, Math.max(0, newest.first - older.first)), ...newest.lines]
    : newest.lines;
  const gone = newest.total - newest.kept;
  useEffect(() => {
    if (frame.current && follows.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [newest]);
  const readOlder = async () => {
    const page = await get("/execution/log", { job_id: job.job_id, limit: 1000, before: first });
    setOlder({ first: page.first, lines: [...page.lines, ...lines] });
  };
  const wanted = filter.toLowerCase();
  return (
    <>
      <div class="log-bar">
        <input
          class="input"
          type="search"
          aria-label="Lines that contain"
          placeholder="Lines that contain…"
          value={filter}
          maxLength={200}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="faint small number">
          {count(lines.length)} of {count(newest.total)} lines
          {newest.truncated && `; the oldest ${count(gone)} were dropped`}
        </span>
        {first > gone + 1 && (
          <button type="button" class="button" onClick={() => void readOlder()}>
            <Icon name="back" /> Older lines
          </button>
        )}
      </div>
      <div
        class="log"
        role="log"
        aria-label="Log"
        tabIndex={0}
        ref={frame}
        onScroll={({ currentTarget: at }) =>
          (follows.current = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_PX)
        }
      >
        {lines.map((line, place) =>
          wanted && !line.line.toLowerCase().includes(wanted) ? null : (
            <div class="log-line" key={first + place} data-level={line.level}>
              <time dateTime={line.at} title={absolute(Date.parse(line.at), zone.value)}>
                {clock(Date.parse(line.at), zone.value, now.peek())}
              </time>
              {line.level && <span class="level">{line.level}</span>}
              <bdi class="wrap" title={line.target}>
                {line.line}
              </bdi>
            </div>
          ),
        )}
      </div>
    </>
  );
}
