/** Requests of many providers, the newest first, and how the providers fare. */
import type { components } from "../../api/schema.gen";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { link, param } from "../../router";
import { Waiting, useHeld } from "../../ui/held";
import { Empty, Read } from "../../ui/note";
import { CursorPager } from "../../ui/pager";
import { type Column, Table } from "../../ui/table";
import { Time, shortId } from "../../ui/text";
import { Use } from "../../ui/use";
import { CALLBACK_LOOKS, LookBadge, REQUEST_LOOKS, isDecided } from "./looks";
import { Providers } from "./providers";

type Row = components["schemas"]["RequestList"]["requests"][number];

const EVERY_MS = 2000;
const LIMIT = 50;

export default function Requests() {
  const cursor = param("cursor") || undefined;
  const key = `requests ${cursor ?? ""}`;
  const poll = usePoll(key, EVERY_MS, async (signal) => {
    const { requests, cursor: next } = await get("/request/list", { limit: LIMIT, cursor }, { signal });
    return { rows: requests, next };
  });
  const held = useHeld(poll.stale ? undefined : poll.data, key, idOf);
  return (
    <>
      <header class="head">
        <h1>Requests</h1>
      </header>
      <div class="stack">
        <section class="card" aria-label="Requests">
          <Read poll={poll} lines={8}>
            {() => (
              <>
                <Waiting held={held} />
                {held.rows.length === 0 ? (
                  <None />
                ) : (
                  <Table
                    label="Requests"
                    columns={COLUMNS}
                    rows={held.rows}
                    id={idOf}
                    href={({ requestId }) => href(requestId)}
                    left={held.left}
                    stale={poll.stale}
                    keyboard
                  />
                )}
                <CursorPager next={held.next} busy={poll.stale}>
                  {held.rows.length > 0 && `${held.rows.length} shown, newest first`}
                </CursorPager>
              </>
            )}
          </Read>
        </section>
        <Providers />
      </div>
    </>
  );
}

function None() {
  return (
    <Empty title={param("cursor") ? "No older requests" : "No requests yet"} icon="requests">
      A request asks many providers at once and tells its caller when it is decided: post one to <code>/request</code>.
      It can be read here until its retention is over.
    </Empty>
  );
}

function idOf({ requestId }: Row): string {
  return requestId;
}

function href(id: string): string {
  return link(`requests/${id}`);
}

const COLUMNS: Column<Row>[] = [
  { title: "Status", cell: ({ status }) => <LookBadge look={REQUEST_LOOKS[status]} /> },
  {
    title: "Request",
    fill: true,
    cell: ({ requestId }) => (
      <a class="mono clip" href={href(requestId)} title={requestId}>
        {requestId.length > 36 ? shortId(requestId) : requestId}
      </a>
    ),
  },
  {
    title: "Answered",
    align: "right",
    cell: ({ succeeded, providers }) => <Use value={succeeded} of={providers} label="Providers that answered" />,
  },
  { title: "Not ended", rank: 3, align: "right", cell: ({ remaining }) => remaining },
  {
    title: "Callback",
    rank: 2,
    cell: ({ callback }) =>
      callback === "NONE" ? <span class="faint">none</span> : <LookBadge look={CALLBACK_LOOKS[callback]} />,
  },
  {
    title: "Deadline",
    rank: 2,
    align: "right",
    cell: ({ status, deadlineAt }) => (isDecided(status) ? <span class="faint">–</span> : <Time at={deadlineAt} />),
  },
  { title: "Created", rank: 2, align: "right", cell: ({ createdAt }) => <Time at={createdAt} /> },
];
