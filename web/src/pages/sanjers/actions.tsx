/** What a sanjer can be told. */
import { post } from "../../api/client";
import { mayAct } from "../../api/system";
import { confirm } from "../../shell/confirm";
import { tell, tellFailure } from "../../shell/toasts";
import { ActButton, useActs } from "../../ui/act";
import type { IconName } from "../../ui/icon";
import type { Sanjer } from "./columns";

type Order = {
  path: "/sanjers/quiet" | "/sanjers/resume" | "/sanjers/recycle";
  text: string;
  icon: IconName;
  title: string;
  body: string;
  told: string;
};

const ORDERS: Record<"quiet" | "resume" | "recycle", Order> = {
  quiet: {
    path: "/sanjers/quiet",
    text: "Quiet",
    icon: "pause",
    title: "Have this sanjer take no more jobs?",
    body: "What it runs goes on. It stays quiet until it is resumed or replaced; its share of the jobs waits for others.",
    told: "It takes no more jobs.",
  },
  resume: {
    path: "/sanjers/resume",
    text: "Resume",
    icon: "run",
    title: "Have this sanjer take jobs again?",
    body: "It takes jobs of its pool again, as before it was made quiet.",
    told: "It takes jobs again.",
  },
  recycle: {
    path: "/sanjers/recycle",
    text: "Recycle",
    icon: "again",
    title: "Replace this sanjer by a fresh process?",
    body: "The spare of its pool serves in its place at once. It ends when its last job has, however long that takes: no job is lost or interrupted.",
    told: "It is being replaced.",
  },
};

export function Actions({ sanjer, onDone }: { sanjer: Sanjer; onDone: () => void }) {
  const acts = useActs();
  if (!mayAct() || sanjer.state === "retiring") return null;
  const orders = [sanjer.state === "quiet" ? ORDERS.resume : ORDERS.quiet, ORDERS.recycle];
  return (
    <span class="sanjer-actions">
      {orders.map((order) => (
        <ActButton
          key={order.text}
          acts={acts}
          name={order.text}
          icon={order.icon}
          label={`${order.text} ${sanjer.pool} ${sanjer.pid}`}
          title={order.title}
          act={() => give(order, sanjer, onDone)}
        >
          {order.text}
        </ActButton>
      ))}
    </span>
  );
}

async function give(order: Order, sanjer: Sanjer, onDone: () => void): Promise<void> {
  const body = (
    <>
      <p>
        Pool <bdi>{sanjer.pool}</bdi>, process {sanjer.pid} on <bdi>{sanjer.host}</bdi>, {sanjer.running} running.
      </p>
      <p>{order.body}</p>
    </>
  );
  if (!(await confirm({ title: order.title, body, action: order.text }))) return;
  try {
    await post(order.path, { query: { sanjer: sanjer.sanjer } });
    tell(order.told);
    onDone();
  } catch (thrown) {
    tellFailure(`${order.text}: that did not work`, thrown);
  }
}
