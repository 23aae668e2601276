//! What the work costs: per kind of item how many, how fast, and how many wait.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::delegator::{Depth, Kind};
use crate::discv5::Counters;

/// The longest time that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;
/// Over which time a rate is taken.
const WINDOW: Duration = Duration::from_secs(5);

/// What one member measures of its work.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Work items by kind.
    pub work: BTreeMap<Kind, KindFigures>,
    /// Packets, handshakes, refusals and the like.
    pub wire: Counters,
}

/// Work items of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct KindFigures {
    /// Items that wait.
    pub waiting: u64,
    /// Items that are being done.
    pub running: u64,
    /// Items that were answered.
    pub answered: u64,
    /// Items that were not.
    pub unanswered: u64,
    /// Items a second, lately.
    pub per_s: f64,
    /// From the first packet to the last of an answered item, in milliseconds.
    pub mean_ms: f64,
    /// The same for the slowest of a hundred.
    pub p99_ms: f64,
}

/// Measures the work.
#[derive(Debug)]
pub(super) struct Meter {
    kinds: BTreeMap<Kind, Gauge>,
    since: Instant,
}

#[derive(Debug)]
struct Gauge {
    running: u64,
    answered: u64,
    unanswered: u64,
    /// Done when the present window began.
    before: u64,
    per_s: f64,
    /// Microseconds; `None` if there can be no histogram, which its bounds exclude.
    times: Option<Histogram<u32>>,
}

impl Meter {
    pub(super) fn new() -> Self {
        let gauge = || Gauge {
            running: 0,
            answered: 0,
            unanswered: 0,
            before: 0,
            per_s: 0.0,
            times: Histogram::new_with_bounds(1, LONGEST, 2).ok(),
        };
        Self { kinds: Kind::ALL.into_iter().map(|kind| (kind, gauge())).collect(), since: Instant::now() }
    }

    pub(super) fn began(&mut self, kind: Kind) {
        if let Some(gauge) = self.kinds.get_mut(&kind) {
            gauge.running += 1;
        }
    }

    /// An item is done; `took` if it was answered.
    pub(super) fn ended(&mut self, kind: Kind, took: Option<Duration>) {
        let Some(gauge) = self.kinds.get_mut(&kind) else { return };
        gauge.running = gauge.running.saturating_sub(1);
        let Some(took) = took else {
            gauge.unanswered += 1;
            return;
        };
        gauge.answered += 1;
        if let Some(times) = &mut gauge.times {
            times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST).max(1));
        }
    }

    /// Items that were answered, of all kinds.
    pub(super) fn answered(&self) -> u64 {
        self.kinds.values().map(|gauge| gauge.answered).sum()
    }

    pub(super) fn figures(&mut self, waiting: Depth, wire: Counters) -> Figures {
        let window = self.since.elapsed();
        if window >= WINDOW {
            self.since = Instant::now();
            for gauge in self.kinds.values_mut() {
                let done = gauge.answered + gauge.unanswered;
                gauge.per_s = rounded(as_float(done - gauge.before) / window.as_secs_f64());
                gauge.before = done;
            }
        }
        let figures = |(kind, gauge): (&Kind, &Gauge)| {
            let (mean, p99) =
                gauge.times.as_ref().map_or((0.0, 0), |times| (times.mean(), times.value_at_quantile(0.99)));
            let figures = KindFigures {
                waiting: waiting.of(*kind) as u64,
                running: gauge.running,
                answered: gauge.answered,
                unanswered: gauge.unanswered,
                per_s: gauge.per_s,
                mean_ms: rounded(mean / 1000.0),
                p99_ms: rounded(as_float(p99) / 1000.0),
            };
            (*kind, figures)
        };
        Figures { work: self.kinds.iter().map(figures).collect(), wire }
    }
}

/// Thousandths are enough for people.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(super) fn as_float(count: u64) -> f64 {
    count as f64
}
