/** One request: whom it asks, what became of each, and whether its caller was told. */
import "./request.css";
import { useRef } from "preact/hooks";
import { get, post } from "../../api/client";
import { ofNow, usePoll } from "../../api/poll";
import { mayAct } from "../../api/system";
import { link, param, parts } from "../../router";
import { confirm } from "../../shell/confirm";
import { tell, tellFailure } from "../../shell/toasts";
import { Figure, Figures } from "../../ui/figure";
import { Icon } from "../../ui/icon";
import { JsonCard } from "../../ui/json";
import { Read } from "../../ui/note";
import { Copy, Time } from "../../ui/text";
import { LookBadge, REQUEST_LOOKS, type Request, isDecided } from "../requests/looks";
import { AnswerCard } from "./answer";
import { Callback } from "./callback";
import { Parts } from "./parts";

/** The API answers when the request is decided, or after this: so news of its parts come as often. */
const WAIT = "2s";
const NEXT_MS = 100;
/** While a callback is told, again and again until it is taken. */
const CALLBACK_MS = 2000;

export default function RequestPage() {
  const id = parts.value[1] ?? "";
  const last = useRef<Request | undefined>(undefined);
  const known = last.current?.requestId === id ? last.current : undefined;
  const decided = known && isDecided(known.status);
  const every = !decided ? NEXT_MS : known.callback.state === "PENDING" ? CALLBACK_MS : 0;
  const poll = ofNow(
    usePoll(id, every, async (signal) => {
      const waits = last.current?.requestId === id && !isDecided(last.current.status);
      const request = (await get("/request", { id, ...(waits ? { wait: WAIT } : {}) }, { signal })) as Request;
      last.current = request;
      return request;
    }),
  );
  return (
    <>
      {!poll.data && (
        <header class="head">
          <h1>Request</h1>
        </header>
      )}
      <Read poll={poll} lines={8}>
        {(request) => <Whole request={request} refresh={poll.refresh} />}
      </Read>
    </>
  );
}

function Whole({ request, refresh }: { request: Request; refresh: () => void }) {
  const asked = param("provider");
  const shown = request.jobs.find(({ provider, result }) => provider === asked && result);
  return (
    <>
      <header class="head">
        <div class="title">
          <a class="crumb" href={link("requests")}>
            Requests
          </a>
          <div class="row">
            <h1 class="mono request-id">{request.requestId}</h1>
            <Copy text={request.requestId} what="Request id" />
            <LookBadge look={REQUEST_LOOKS[request.status]} />
          </div>
        </div>
        <Redeliver request={request} onDone={refresh} />
      </header>
      <div class="stack">
        <Sums request={request} />
        <Parts request={request} />
        {shown && <AnswerCard key={shown.provider} request={request.requestId} part={shown} />}
        <Callback request={request} />
        {Object.keys(request.parameters ?? {}).length > 0 && <JsonCard title="Parameters" value={request.parameters} />}
      </div>
    </>
  );
}

const MODES: Record<Request["mode"], string> = {
  all_finished: "until every provider has ended, however",
  all_succeeded: "until all have answered, or one has failed",
  quorum: "until enough have answered",
};

function Sums({ request }: { request: Request }) {
  const { jobs, mode, minimum } = request;
  const answered = jobs.filter(({ status }) => status === "DONE").length;
  const failed = jobs.filter(({ status }) => status === "FAILED" || status === "EXPIRED").length;
  return (
    <Figures label="The request">
      <Figure title="Answered" note={`of ${jobs.length} providers`}>
        {answered}
      </Figure>
      <Figure
        title="Without an answer"
        note={failed < jobs.length - answered ? `${jobs.length - answered - failed} not ended` : "all have ended"}
      >
        {failed}
      </Figure>
      <Figure title="Waits" note={MODES[mode]}>
        {mode === "quorum" ? `for ${minimum ?? "?"}` : mode === "all_succeeded" ? "for all" : "for the end"}
      </Figure>
      <Figure title="Created" note={<Time at={request.createdAt} as="full" />}>
        <Time at={request.createdAt} />
      </Figure>
      <Ends request={request} />
    </Figures>
  );
}

function Ends({ request: { status, deadlineAt, expiresAt } }: { request: Request }) {
  if (isDecided(status) && !expiresAt)
    return (
      <Figure title="Kept" note="longer while its callback is not done">
        for now
      </Figure>
    );
  const at = isDecided(status) ? expiresAt : deadlineAt;
  return (
    <Figure title={isDecided(status) ? "Kept until" : "Deadline"} note={<Time at={at} as="full" />}>
      <Time at={at} />
    </Figure>
  );
}

function Redeliver({ request, onDone }: { request: Request; onDone: () => void }) {
  if (!mayAct() || request.callbackUrl === undefined || !isDecided(request.status)) return null;
  const redeliver = async () => {
    const body = `It is told once more under the same webhook-id (${request.callback.webhookId}), so a receiver that keeps to the specification takes it only once.`;
    if (!(await confirm({ title: "Deliver the callback again?", body, action: "Deliver again" }))) return;
    try {
      await post("/request/redeliver", { query: { id: request.requestId } });
      tell("The callback is being delivered again.");
      onDone();
    } catch (thrown) {
      tellFailure("The callback could not be delivered again", thrown);
    }
  };
  return (
    <button type="button" class="button" onClick={() => void redeliver()}>
      <Icon name="again" /> Deliver again
    </button>
  );
}
