//! What one sanjer has done since it last said so: counted where it happens, written once a second.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::histogram::Histogram;
use crate::job::Status;

/// Counts of one sanjer. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    runs: BTreeMap<&'static str, u64>,
    pickup: Histogram,
    duration: Histogram,
}

impl Tally {
    /// `jobs` were taken out of the queue in one call; the first had waited so long there.
    pub fn picked_up(&self, waited_ms: u64, jobs: usize) {
        self.lock().pickup.observe(waited_ms, u64::try_from(jobs).unwrap_or(u64::MAX));
    }

    /// A run has ended, and that stands in Redis; `ran` is how long it took, if it had begun.
    pub fn ended(&self, became: Status, ran: Option<Duration>) {
        let mut counts = self.lock();
        *counts.runs.entry(outcome(became)).or_default() += 1;
        if let Some(ran) = ran {
            counts.duration.observe(u64::try_from(ran.as_millis()).unwrap_or(u64::MAX), 1);
        }
    }

    /// Everything since the last call, as fields of `totals` and what is to be added to them.
    pub fn take(&self, pool: &str) -> Vec<(String, u64)> {
        let Counts { runs, pickup, duration } = std::mem::take(&mut *self.lock());
        let runs = runs.into_iter().map(|(outcome, n)| (format!("runs:{pool}:{outcome}"), n));
        let mut fields: Vec<_> = runs.collect();
        for (name, times) in [("pickup", pickup), ("duration", duration)] {
            fields.extend(times.filled().map(|(bucket, n)| (format!("{name}:{pool}:{bucket}"), n)));
            if times.sum_ms() > 0 {
                fields.push((format!("{name}_ms:{pool}"), times.sum_ms()));
            }
        }
        fields
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of a run, by what its job became.
fn outcome(became: Status) -> &'static str {
    match became {
        Status::Queued => "handed_back",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_not_counted_again() {
        let tally = Tally::default();
        tally.picked_up(3, 10);
        tally.ended(Status::Succeeded, Some(Duration::from_millis(1)));
        tally.ended(Status::Queued, None);
        let fields = tally.take("light");
        let expected = [
            ("runs:light:handed_back", 1),
            ("runs:light:succeeded", 1),
            ("pickup:light:2", 10),
            ("pickup_ms:light", 30),
            ("duration:light:0", 1),
            ("duration_ms:light", 1),
        ];
        assert_eq!(fields, expected.map(|(field, n)| (field.to_owned(), n)));
        assert_eq!(tally.take("light"), []);
    }
}
