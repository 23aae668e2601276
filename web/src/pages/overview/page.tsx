/** How everything is doing: what is wrong, in figures now, in lines over time, pool by pool. */
import "./overview.css";
import { get } from "../../api/client";
import { usePoll } from "../../api/poll";
import { NewTask } from "../../ui/new-task";
import { Read } from "../../ui/note";
import { Charts } from "./charts";
import { Figures } from "./figures";
import { Pools } from "./pools";
import { Troubles } from "./troubles";

const EVERY_MS = 2000;

export default function Overview() {
  const stats = usePoll("stats", EVERY_MS, (signal) => get("/queue/stats", {}, { signal }));
  return (
    <>
      <header class="head">
        <h1>Overview</h1>
        <NewTask />
      </header>
      <div class="stack">
        <Read poll={stats} lines={6}>
          {(now) => (
            <>
              <Troubles troubles={now.troubles} />
              <Figures stats={now} />
            </>
          )}
        </Read>
        <Charts pools={Object.keys(stats.data?.pools ?? {})} />
        {stats.data && <Pools stats={stats.data} />}
      </div>
    </>
  );
}
