//! What a platform may say about itself; a file states only what differs from the defaults.

use std::time::Duration;

use serde_json::Value;

/// Pool for short jobs that mostly wait: many share a process.
pub const LIGHT: &str = "light";
/// Pool for calls of strangers' hosts, which may keep silent: very many share a process, and none waits for them.
pub const FETCH: &str = "fetch";
/// Pool for jobs that need a process of their own.
pub const HEAVY: &str = "heavy";
/// Pool for jobs that never end by themselves.
pub const STANDING: &str = "standing";

/// How a platform's jobs are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The pool whose sanjers run it.
    pub pool: &'static str,
    /// The longest one run may take; `None` only for standing jobs.
    pub timeout: Option<Duration>,
    /// Runs in all, the first included, before a transient failure becomes final.
    pub attempts: u32,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// The setting that says how often it does its work, if 0 means for ever: such a job runs in the pool [`STANDING`] and
    /// without a time limit of the platform's.
    pub rounds: Option<&'static str>,
    /// Whether it keeps something in Redis that outlives its jobs.
    pub keeps: bool,
}

/// Exponential backoff with full jitter: attempt `n` waits a random time up to `min(cap, base × 2^(n-1))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

impl Spec {
    /// What holds unless a platform says otherwise.
    pub const DEFAULT: Self = Self {
        pool: LIGHT,
        timeout: Some(minutes(10)),
        attempts: 3,
        backoff: Backoff { base: seconds(1), cap: minutes(5) },
        rounds: None,
        keeps: false,
    };

    /// The pools that its jobs may be in.
    pub fn pools(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.pool).chain(self.rounds.map(|_| STANDING))
    }

    /// Where a job with these settings runs, and for how long at most.
    pub fn place(&self, settings: &Value) -> (&'static str, Option<Duration>) {
        let is_endless = self.rounds.is_some_and(|rounds| settings.get(rounds).and_then(Value::as_u64) == Some(0));
        if is_endless { (STANDING, None) } else { (self.pool, self.timeout) }
    }
}

impl Backoff {
    /// The longest wait after the failure of attempt `attempt` (1 is the first).
    pub fn ceiling(self, attempt: u32) -> Duration {
        self.base.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1))).min(self.cap)
    }
}

/// `n` seconds.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes.
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// `n` hours.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap() {
        let backoff = Backoff { base: seconds(1), cap: seconds(10) };
        let waits: Vec<u64> = (1..=6).map(|n| backoff.ceiling(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.ceiling(u32::MAX), seconds(10));
    }
}
