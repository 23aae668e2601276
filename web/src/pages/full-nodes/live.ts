/** The Network and its alarms as they are now, kept by what the API says has changed. */
import { useEffect, useState } from "preact/hooks";
import { urlOf } from "../../api/client";
import { follow } from "../../api/follow";
import { paused } from "../../api/poll";
import { NOTHING, type Watched, after } from "./news";

export function useNetwork(prefix: string | undefined): Watched {
  const [watched, setWatched] = useState<Watched>(NOTHING);
  const stopped = paused.value;
  useEffect(() => {
    if (stopped) return;
    return follow(urlOf("/network/events", { prefix, diff: true }), {
      stands: (stand, problem) => setWatched((before) => ({ ...before, stand, problem })),
      tell: (told) => setWatched((before) => after(before, told, Date.now())),
    });
  }, [prefix, stopped, watched.torn]);
  return watched;
}
