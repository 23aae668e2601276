/** The list of jobs: find any, follow all, act on many. */
import "./jobs.css";
import { useState } from "preact/hooks";
import { mayAct } from "../../api/system";
import { briefCount } from "../../format/quantity";
import { link, param, place } from "../../router";
import { Waiting } from "../../ui/held";
import { NewTask } from "../../ui/new-task";
import { Empty, Read } from "../../ui/note";
import { CursorPager } from "../../ui/pager";
import { Table } from "../../ui/table";
import { BulkBar } from "./bulk";
import { JOB_COLUMNS, jobHref } from "./columns";
import { filtersOf, keyOf } from "./filter";
import { Filters } from "./filters";
import { type Live, idOf, useLiveJobs } from "./live";
import { Tabs } from "./tabs";

export default function Jobs() {
  const key = keyOf(place.value.query);
  const [picked, setPicked] = useState<{ key: string; ids: ReadonlySet<string> }>({ key, ids: new Set() });
  const ids = picked.key === key ? picked.ids : new Set<string>();
  const pick = (next: ReadonlySet<string>) => setPicked({ key, ids: next });
  const live = useLiveJobs(ids.size > 0);
  return (
    <>
      <header class="head">
        <h1>Jobs</h1>
        <NewTask />
      </header>
      <div class="stack">
        <Tabs />
        <Filters />
        <section class="card" aria-label="Jobs">
          <BulkBar
            picked={ids}
            total={live.poll.data?.total}
            onDone={() => (pick(new Set()), live.poll.refresh())}
            onPick={pick}
          />
          <List live={live} picked={ids} onPick={pick} />
        </section>
      </div>
    </>
  );
}

function List({
  live,
  picked,
  onPick,
}: {
  live: Live;
  picked: ReadonlySet<string>;
  onPick: (ids: ReadonlySet<string>) => void;
}) {
  const { poll, held } = live;
  return (
    <Read poll={poll} lines={8}>
      {() => (
        <>
          <Waiting held={held} />
          {held.rows.length === 0 ? (
            <NoJobs more={held.next !== undefined} />
          ) : (
            <Table
              label="Jobs"
              columns={JOB_COLUMNS}
              rows={held.rows}
              id={idOf}
              href={jobHref}
              left={held.left}
              stale={poll.stale}
              picking={mayAct() ? { picked, onPick } : undefined}
              keyboard
            />
          )}
          <Pager live={live} />
        </>
      )}
    </Read>
  );
}

function NoJobs({ more }: { more: boolean }) {
  if (more) {
    return (
      <Empty title="None on this page">
        A page looks at a bounded number of jobs. There may be matching ones on the next.
      </Empty>
    );
  }
  if (filtersOf(place.value.query).length > 0 || param("cursor")) {
    return (
      <Empty title="No job is like that" icon="filter">
        Take a filter away, or <a href={link("jobs")}>look at all jobs</a>. Finished jobs are deleted when their
        retention is over.
      </Empty>
    );
  }
  return (
    <Empty title="No jobs yet">
      {mayAct() && (
        <>
          Begin with <a href={link("new")}>a new task</a>.{" "}
        </>
      )}
      What is posted to <code>/execution/run</code> appears here at once.
    </Empty>
  );
}

const ORDERS = { newest: "newest first", finished: "last finished first", next: "next first" };

function Pager({ live: { held, poll } }: { live: Live }) {
  const { total, order } = poll.data ?? {};
  const shown = held.rows.length;
  return (
    <CursorPager next={held.next} busy={poll.stale}>
      {shown > 0 &&
        (total ? `${shown} of ${total.exact ? "" : "at least "}${briefCount(total.count)}` : `${shown} shown`)}
      {shown > 0 && order && <span class="faint">, {ORDERS[order]}</span>}
    </CursorPager>
  );
}
