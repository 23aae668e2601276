//! The times that one sanjer has measured since it last said so: taken where things happen, written once a second.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::histogram::Histogram;

/// Times of one sanjer. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Times>>);

#[derive(Debug, Default)]
struct Times {
    pickup: Histogram,
    duration: Histogram,
}

impl Tally {
    /// `jobs` were taken out of the queue in one call; the first had waited so long there.
    pub fn picked_up(&self, waited_ms: u64, jobs: usize) {
        self.lock().pickup.observe(waited_ms, u64::try_from(jobs).unwrap_or(u64::MAX));
    }

    /// A run took so long.
    pub fn ran(&self, time: Duration) {
        self.lock().duration.observe(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), 1);
    }

    /// Everything since the last call, as fields of `totals` and what is to be added to them.
    pub fn take(&self, pool: &str) -> Vec<(String, u64)> {
        let Times { pickup, duration } = std::mem::take(&mut *self.lock());
        let mut fields = Vec::new();
        for (name, times) in [("pickup", pickup), ("duration", duration)] {
            fields.extend(times.filled().map(|(bucket, n)| (format!("{name}:{pool}:{bucket}"), n)));
            if times.sum_ms() > 0 {
                fields.push((format!("{name}_ms:{pool}"), times.sum_ms()));
            }
        }
        fields
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_not_told_again() {
        let tally = Tally::default();
        tally.picked_up(3, 10);
        tally.ran(Duration::from_millis(1));
        let expected =
            [("pickup:light:2", 10), ("pickup_ms:light", 30), ("duration:light:0", 1), ("duration_ms:light", 1)];
        assert_eq!(tally.take("light"), expected.map(|(field, n)| (field.to_owned(), n)));
        assert_eq!(tally.take("light"), []);
    }
}
