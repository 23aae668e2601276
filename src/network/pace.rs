//! When a node is asked again, and how long what it said holds.

use std::time::Duration;

/// The longest wait after failures.
pub const SLOWEST: Duration = Duration::from_mins(1);

/// How long to wait after a poll that was the `failures`th in a row to fail (0: it did not).
pub fn delay(interval: Duration, failures: u32) -> Duration {
    let doubled = interval.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    // Whoever wants to poll more slowly than that may.
    if failures == 0 { interval } else { doubled.min(SLOWEST.max(interval)) }
}

/// The same, or up to a tenth longer, so that nodes are not asked all at once; `chance` is 0 to 1.
pub fn spread(delay: Duration, chance: f64) -> Duration {
    delay.mul_f64(0.1_f64.mul_add(chance.clamp(0.0, 1.0), 1.0))
}

/// How long what a node said holds, if it is asked again after `delay`: it must not vanish between two polls.
pub fn life(least: Duration, delay: Duration, timeout: Duration) -> Duration {
    least.max(delay.saturating_mul(3).saturating_add(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn failures_slow_down_up_to_a_minute() {
        let delays: Vec<u64> = (0..9).map(|failures| delay(SECOND, failures).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(delay(SECOND, u32::MAX), SLOWEST);
        assert_eq!(delay(SLOWEST * 5, 3), SLOWEST * 5, "slower than that already");
    }

    #[test]
    fn waits_are_a_little_longer_than_the_delay() {
        for (chance, ms) in [(0.0, 1000), (0.5, 1050), (1.0, 1100), (7.0, 1100)] {
            assert_eq!(spread(SECOND, chance).as_millis(), ms);
        }
    }

    #[test]
    fn nobody_vanishes_between_two_polls() {
        for (delay, timeout, seconds) in [(1, 10, 30), (10, 10, 40), (60, 10, 190)] {
            let life = life(SECOND * 30, SECOND * delay, SECOND * timeout);
            assert_eq!(life.as_secs(), seconds);
        }
    }
}
