//! How long to wait before another try. Pure.

use std::time::Duration;

use super::LONGEST_RETRY_AFTER;
use crate::config::{self, List, Span};

/// How far a wait is from the one in the list, at most: many who failed at once shall not come back at once.
const JITTER: f64 = 0.2;

/// The waits between the tries of one thing, as an operator reads them: `["1s", "2s", "4s"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

/// The schedules of `[network.retry]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedules {
    /// Somebody waits for the answer.
    pub fetch: Schedule,
    /// Nobody waits: for days.
    pub callback: Schedule,
}

impl Schedules {
    pub(super) fn new(retry: &config::Retry) -> Self {
        Self { fetch: Schedule::new(&retry.fetch), callback: Schedule::new(&retry.callback) }
    }
}

impl Schedule {
    /// These waits.
    pub fn new(waits: &List<Span>) -> Self {
        Self(waits.0.iter().map(|span| span.0).collect())
    }

    /// Tries in all, the first included.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The wait after the failure of attempt `attempt` (1 is the first); `None` if it was the last. It is never shorter
    /// than the other side asked for, unless that is more than an hour.
    pub fn delay(&self, attempt: u32, retry_after: Option<Duration>) -> Option<Duration> {
        self.delay_by(attempt, retry_after, rand::random_range(-1.0..=1.0))
    }

    /// The same, `chance` being from −1 for the shortest wait to 1 for the longest.
    fn delay_by(&self, attempt: u32, retry_after: Option<Duration>, chance: f64) -> Option<Duration> {
        let backoff = self.0.get(usize::try_from(attempt.checked_sub(1)?).ok()?)?.mul_f64(1.0 + JITTER * chance);
        Some(backoff.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_longer_wait_counts() {
        let schedule = Schedule(vec![seconds(1), seconds(100), seconds(7200)]);
        assert_eq!(schedule.attempts(), 4);
        for (attempt, retry_after, chance, expected) in [
            (0, None, 0.0, None),
            (1, None, 0.0, Some(1000)),
            (1, None, -1.0, Some(800)),
            (1, None, 1.0, Some(1200)),
            (1, Some(0), 0.0, Some(1000)),
            (1, Some(30), -1.0, Some(30_000)),
            (2, Some(30), 0.0, Some(100_000)),
            (2, Some(86_400), 0.0, Some(3_600_000)),
            (3, Some(86_400), 1.0, Some(8_640_000)),
            (4, None, 0.0, None),
            (4, Some(30), 0.0, None),
            (u32::MAX, None, 0.0, None),
        ] {
            let delay = schedule.delay_by(attempt, retry_after.map(seconds), chance);
            assert_eq!(delay, expected.map(Duration::from_millis), "attempt {attempt}, {retry_after:?}, {chance}");
        }
    }

    #[test]
    fn chance_stays_within_its_bounds() {
        let schedule = Schedule(vec![seconds(100)]);
        let delays: Vec<_> = (0..1000).filter_map(|_| schedule.delay(1, None)).collect();
        assert!(delays.iter().all(|delay| (seconds(80)..=seconds(120)).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < seconds(99)) && delays.iter().any(|delay| *delay > seconds(101)));
    }

    #[test]
    fn the_defaults_are_those_of_the_documentation() {
        let schedules = Schedules::new(&config::defaults().unwrap().network.retry);
        assert_eq!((schedules.fetch.attempts(), schedules.callback.attempts()), (8, 10));
        let total = |schedule: &Schedule| schedule.0.iter().sum::<Duration>();
        assert_eq!(total(&schedules.fetch), seconds(127));
        // 75 h 35 min and 5 s, of which the specification of Standard Webhooks mentions the hours and minutes.
        assert_eq!(total(&schedules.callback), seconds(75 * 3600 + 35 * 60 + 5));
    }
}
