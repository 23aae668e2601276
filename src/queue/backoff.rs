//! How long to wait before Redis is tried again.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Doubling waits with jitter, so that a fleet does not return in step.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Waits a little longer each time; ends early when `stop` ends.
    pub async fn wait(&mut self, stop: &CancellationToken) {
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(ceiling.mul_f64(rand::random_range(0.5..1.0))) => {}
        }
    }

    /// It worked: the next failure waits shortly again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}
