//! Takes down how everything stands, step by step: every host asks whose turn it is, one is told.

use std::time::Duration;

use redis::Cmd;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    HistorySpan, Now, Totals, Watch,
    history::{Point, STEP_MS, slot},
    store::{HERE, script},
};
use crate::broker::BrokerError;

/// How much after its beginning a step is looked at: clocks of timers are not that exact.
const SLACK: Duration = Duration::from_millis(20);
/// How long it waits when Redis does not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Takes down every step whose turn falls to this process, until `stop`.
pub async fn record(watch: Watch, stop: CancellationToken) {
    loop {
        let pause = match watch.take_down().await {
            Ok(rest) => rest + SLACK,
            Err(error) => {
                debug!(%error, "cannot take down how the queues stand; will keep trying");
                AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

impl Watch {
    /// Takes down the present step if it is this process' turn. Returns how long it is until the next one.
    pub(super) async fn take_down(&self) -> Result<Duration, BrokerError> {
        let answer: Vec<String> = self
            .script(script!("step"), HERE, |cmd: &mut Cmd| {
                cmd.arg(STEP_MS);
                for span in HistorySpan::ALL {
                    cmd.arg(span.as_str()).arg(span.fine_steps()).arg(span.points());
                }
            })
            .await?;
        let mut answer = answer.into_iter();
        let mut number = || answer.next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let (step, rest) = (number(), Duration::from_millis(number().min(STEP_MS)));
        if step == 0 {
            return Ok(rest);
        }
        let last = answer.next().unwrap_or_default();
        let now = self.now(None).await?;
        let look = look(step, &now, &last);
        let totals = serde_json::to_string(&Last { step, totals: now.totals }).unwrap_or_default();
        let slots: Vec<_> = HistorySpan::ALL.into_iter().zip(answer).collect();
        let slots = slots.iter().map(|(span, there)| (*span, slot(*span, step, there, &look)));
        let slots: Vec<_> = slots
            .map(|(span, (slot, point))| (span.as_str(), slot, serde_json::to_string(&point).unwrap_or_default()))
            .collect();
        self.write_down(step, &totals, &slots).await?;
        Ok(rest)
    }

    /// Writes slots of rings and the totals as of a step; false if somebody has begun a later one meanwhile.
    pub(super) async fn write_down(
        &self,
        step: u64,
        totals: &str,
        slots: &[(&str, u64, String)],
    ) -> Result<bool, BrokerError> {
        let written: u8 = self
            .script(script!("record"), HERE, |cmd| {
                cmd.arg(step).arg(totals).arg(slots);
            })
            .await?;
        Ok(written == 1)
    }
}

/// The totals as of a step.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Last {
    step: u64,
    totals: Totals,
}

/// What happened is known only if the step before was taken down as well: after a gap the difference belongs to nobody
/// knows when.
fn look(step: u64, now: &Now, last: &str) -> Point {
    let last: Option<Last> = serde_json::from_str(last).ok();
    let since = last.filter(|last| last.step + 1 == step).map(|last| now.totals.since(&last.totals));
    Point::of(now, since.as_ref())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            PoolNow,
            history::{History, Series},
        },
        *,
    };

    fn now(queued: u64, succeeded: u64) -> Now {
        let mut now = Now { at_ms: 100_000, ..Now::default() };
        now.pools.insert("light".into(), PoolNow { queued, oldest_ms: Some(90_000), ..PoolNow::default() });
        now.totals.take_in("runs:light:succeeded", succeeded);
        now
    }

    fn last(step: u64, succeeded: u64) -> String {
        serde_json::to_string(&Last { step, totals: now(0, succeeded).totals }).unwrap()
    }

    #[test]
    fn a_gap_and_a_reset_are_no_peaks() {
        for (last, queued, ended) in [
            (last(9, 40), Some(3.0), Some(10.0)),
            // Nobody took down the step before.
            (last(7, 40), Some(3.0), None),
            // Somebody has emptied Redis, or a replica was behind.
            (last(9, 9_000), Some(3.0), Some(0.0)),
            (String::new(), Some(3.0), None),
            ("nonsense".into(), Some(3.0), None),
        ] {
            let look = look(10, &now(3, 50), &last);
            let (place, point) = slot(HistorySpan::Minutes15, 10, "", &look);
            assert_eq!(place, 10);
            let history = History::of(HistorySpan::Minutes15, 50, [point]);
            let newest = |what| history.series(Some("light"), what).last().copied().flatten();
            assert_eq!((newest(Series::Queued), newest(Series::Ended(0))), (queued, ended), "{last}");
        }
    }

    #[test]
    fn long_steps_are_added_up_and_old_rounds_replaced() {
        let span = HistorySpan::Hours24;
        let mut there = String::new();
        for (step, queued, succeeded) in [(600, 2, 5), (601, 4, 7), (602, 9, 7)] {
            let (place, point) = slot(span, step, &there, &look(step, &now(queued, succeeded), &last(step - 1, 0)));
            assert_eq!((place, point.step), (10, 10));
            there = serde_json::to_string(&point).unwrap();
        }
        let point: Point = serde_json::from_str(&there).unwrap();
        let history = History::of(span, 3010, [point.clone()]);
        assert_eq!((history.points(), history.from_s()), (11, 0), "time had just begun");
        let newest = |what| history.series(None, what).last().copied().flatten();
        assert_eq!((newest(Series::Queued), newest(Series::OldestS)), (Some(5.0), Some(10.0)));
        assert_eq!(newest(Series::Ended(0)), Some(19.0));
        assert_eq!(history.series(Some("never"), Series::Queued), [None; 11]);
        // A clock that was set back comes by the same fine step again.
        let fine = HistorySpan::Minutes15;
        let (_, first) = slot(fine, 600, "", &look(600, &now(2, 5), &last(599, 0)));
        let (_, again) =
            slot(fine, 600, &serde_json::to_string(&first).unwrap(), &look(600, &now(2, 5), &last(599, 0)));
        assert_eq!(again, first);
        // A round later the slot begins anew.
        let later = 600 + span.fine_steps() * span.points();
        let (place, point) = slot(span, later, &there, &look(later, &now(1, 0), ""));
        assert_eq!((place, point.looks), (10, 1));
        // And what lies outside of the span is not shown.
        let history = History::of(span, 3010 + 10 * 86_400, [serde_json::from_str(&there).unwrap()]);
        assert_eq!((history.points(), history.series(None, Series::Queued).iter().flatten().count()), (288, 0));
    }

    #[test]
    fn the_last_minute_is_what_is_known_of_it() {
        let points = (0..20).map(|step| {
            let point = look(step, &now(0, 10 * step), &last(step.saturating_sub(1), 10 * step.saturating_sub(1)));
            Point { step, ..point }
        });
        let history = History::of(HistorySpan::Minutes15, 100, points);
        let lately = history.lately(60);
        assert_eq!((lately.seconds, lately.ended), (60, [120, 0, 0, 0, 0]));
        assert_eq!(History::of(HistorySpan::Minutes15, 100, []).lately(60).seconds, 0);
    }
}
