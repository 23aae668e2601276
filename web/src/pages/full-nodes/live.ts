/** The Network and its alarms as they are now, kept by what the API says has changed. */
import { useEffect, useState } from "preact/hooks";
import { urlOf } from "../../api/client";
import { follow } from "../../api/follow";
import { unseen } from "../../api/poll";
import { NOTHING, type Watched, after } from "./news";

export function useNetwork(prefix: string | undefined): Watched {
  const [state, setState] = useState({ prefix, watched: NOTHING });
  const watched = state.prefix === prefix ? state.watched : NOTHING;
  // Who pauses wants to see how it stood then: what is told last of that is the alarms.
  const stopped = unseen.value && watched.alarms !== undefined;
  useEffect(() => {
    if (stopped) return;
    const change = (by: (before: Watched) => Watched) =>
      setState((before) => ({ prefix, watched: by(before.prefix === prefix ? before.watched : NOTHING) }));
    return follow(urlOf("/network/events", { prefix, diff: true }), {
      stands: (stand, problem) => change((before) => ({ ...before, stand, problem })),
      tell: (told) => change((before) => after(before, told, Date.now())),
    });
  }, [prefix, stopped, watched.torn]);
  return watched;
}
