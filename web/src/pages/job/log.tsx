/** The log of a job: its last lines, live; older ones on demand. */
import type { components } from "../../api/schema.gen";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { count, counted } from "../../format/quantity";
import { absolute, clock, now } from "../../format/time";
import { zone } from "../../shell/preferences";
import { tellFailure } from "../../shell/toasts";
import { Icon } from "../../ui/icon";
import { Empty, Read } from "../../ui/note";
import { isTerminal } from "../../ui/status";
import type { Job } from "./live";

type LogPage = components["schemas"]["LogPage"];

const LIMIT = 300;
/** Nearer to the end than this, the reader wants to see what comes. */
const NEAR_PX = 40;

export function Log({ job, logged }: { job: Job; logged: number }) {
  const read = (signal: AbortSignal) => get("/execution/log", { job_id: job.job_id, limit: LIMIT }, { signal });
  const newest = usePoll(job.job_id, 0, read, logged);
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
  // Who looks at what was logged before is not carried away from it: this is what he looks at.
  const [held, setHeld] = useState<LogPage>();
  const [older, setOlder] = useState<Run>({ first: Infinity, lines: [] });
  const [filter, setFilter] = useState("");
  const frame = useRef<HTMLDivElement>(null);
  const fromEnd = useRef(0);
  const page = held ?? newest;
  const { first, lines } = joined(older, page);
  const newer = newest.first + newest.lines.length - page.first - page.lines.length;
  const gone = newest.total - newest.kept;
  useLayoutEffect(() => {
    if (frame.current) frame.current.scrollTop = frame.current.scrollHeight - fromEnd.current;
  }, [page, older]);
  const onScroll = ({ currentTarget: at }: { currentTarget: HTMLElement }) => {
    const isNear = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_PX;
    fromEnd.current = isNear ? 0 : at.scrollHeight - at.scrollTop;
    setHeld((before) => (isNear ? undefined : (before ?? page)));
  };
  const follow = () => {
    fromEnd.current = 0;
    setHeld(undefined);
  };
  const readOlder = async () => {
    try {
      const before = await get("/execution/log", { job_id: job.job_id, limit: 1000, before: first });
      setHeld(page);
      setOlder({ first: before.first, lines: [...before.lines, ...lines] });
    } catch (thrown) {
      tellFailure("Older lines could not be read", thrown);
    }
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
        {newer > 0 && (
          <button type="button" class="button" onClick={follow}>
            <Icon name="next" /> {counted(newer, "newer line")}
          </button>
        )}
      </div>
      <div class="log" role="log" aria-label="Log" tabIndex={0} ref={frame} onScroll={onScroll}>
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

/** Lines in a row, and the number of the first. */
type Run = Pick<LogPage, "first" | "lines">;

/** Older lines end where the newer begin; if the log has run ahead of them, they no longer join. */
function joined(older: Run, newer: Run): Run {
  const before = older.lines.slice(0, Math.max(0, newer.first - older.first));
  if (older.first + before.length < newer.first || before.length === 0) return newer;
  return { first: older.first, lines: [...before, ...newer.lines] };
}
