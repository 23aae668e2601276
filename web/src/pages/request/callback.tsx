/** Whether the caller of a request was told, and every attempt to. */
import { duration } from "../../format/time";
import { type Column, Table } from "../../ui/table";
import { Copy, Prose, Time } from "../../ui/text";
import { CALLBACK_LOOKS, LookBadge, type Request } from "../requests/looks";

type Delivery = Request["callback"]["deliveries"][number];

export function Callback({ request: { callback, callbackUrl } }: { request: Request }) {
  return (
    <section class="card" aria-label="Callback">
      <header>
        <h2>Callback</h2>
        {callbackUrl !== undefined && <LookBadge look={CALLBACK_LOOKS[callback.state]} />}
      </header>
      {callbackUrl === undefined ? (
        <p class="body soft">Nobody is told: the request was posted without a callbackUrl.</p>
      ) : (
        <>
          <dl class="facts body">
            <dt>Told is</dt>
            <dd>
              <bdi class="mono wrap">{callbackUrl}</bdi>
            </dd>
            <dt>Webhook id</dt>
            <dd class="row">
              <code>{callback.webhookId}</code>
              <Copy text={callback.webhookId} what="Webhook id" />
            </dd>
            <dt>Attempts</dt>
            <dd>{callback.attempts}</dd>
          </dl>
          {callback.deliveries.length > 0 && (
            <Table
              label="Deliveries"
              columns={COLUMNS}
              rows={[...callback.deliveries].reverse()}
              id={({ at, attempt }) => `${attempt} ${at}`}
            />
          )}
        </>
      )}
    </section>
  );
}

const COLUMNS: Column<Delivery>[] = [
  { title: "Attempt", cell: ({ attempt }) => attempt },
  { title: "At", cell: ({ at }) => <Time at={at} as="clock" /> },
  {
    title: "Outcome",
    fill: true,
    cell: ({ outcome, error, nextAttemptAt }) => (
      <>
        <Prose text={outcome} />
        {error && (
          <span class="soft">
            : <Prose text={error} />
          </span>
        )}
        {nextAttemptAt && (
          <div class="faint small">
            again <Time at={nextAttemptAt} />
          </div>
        )}
      </>
    ),
  },
  { title: "HTTP", rank: 2, align: "right", cell: ({ httpStatus }) => httpStatus ?? <span class="faint">–</span> },
  {
    title: "Took",
    rank: 2,
    align: "right",
    cell: ({ durationMs }) => (durationMs === undefined ? <span class="faint">–</span> : duration(durationMs)),
  },
];
