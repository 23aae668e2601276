//! What was, in rings of a fixed number of steps: pure, but for reading and writing.
//!
//! Every fine step goes into each ring; the longer steps of the others are added up from fine ones as these come. A slot
//! knows of which step it is, so what an earlier round of the ring has left there is not taken for something new.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Histogram, Now, Totals, Watch, store::HERE};
use crate::{broker::BrokerError, queue::keys};

/// The fine step, ms.
pub(super) const STEP_MS: u64 = 5000;

/// How far back, and how finely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistorySpan {
    /// 15 minutes.
    Minutes15,
    /// A day.
    Hours24,
    /// A week.
    Days7,
}

/// The text names no span.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected 15m, 24h or 7d")]
pub struct SpanError;

impl HistorySpan {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Minutes15, Self::Hours24, Self::Days7];

    /// The word in Redis and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minutes15 => "15m",
            Self::Hours24 => "24h",
            Self::Days7 => "7d",
        }
    }

    /// Fine steps in one of its own.
    pub(super) const fn fine_steps(self) -> u64 {
        match self {
            Self::Minutes15 => 1,
            Self::Hours24 => 60,
            Self::Days7 => 360,
        }
    }

    /// Steps in the ring.
    pub const fn points(self) -> u64 {
        match self {
            Self::Minutes15 => 180,
            Self::Hours24 => 288,
            Self::Days7 => 336,
        }
    }

    /// Its step in seconds.
    pub const fn step_s(self) -> u64 {
        self.fine_steps() * STEP_MS / 1000
    }
}

impl FromStr for HistorySpan {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        Self::ALL.into_iter().find(|span| span.as_str() == text).ok_or(SpanError)
    }
}

/// What was taken down of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// Which step, since 1970.
    #[serde(rename = "b")]
    pub(super) step: u64,
    /// How often somebody looked.
    #[serde(rename = "n")]
    pub(super) looks: u64,
    /// How often it was known what had happened since the look before.
    #[serde(rename = "k")]
    pub(super) known: u64,
    #[serde(rename = "p")]
    pub(super) pools: BTreeMap<String, PoolPoint>,
}

/// One pool in one step: sums over all looks, the most of what is a most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PoolPoint {
    #[serde(rename = "q", default)]
    queued: u64,
    #[serde(rename = "d", default)]
    delayed: u64,
    #[serde(rename = "r", default)]
    running: u64,
    #[serde(rename = "o", default)]
    oldest_s: u64,
    #[serde(rename = "e", default)]
    ended: [u64; 5],
    #[serde(rename = "w", default)]
    pickup: Histogram,
    #[serde(rename = "t", default)]
    duration: Histogram,
}

impl Point {
    /// A look, and what had happened since the one before, if that is known.
    pub(super) fn of(now: &Now, since: Option<&Totals>) -> Self {
        let mut pools: BTreeMap<String, PoolPoint> = BTreeMap::new();
        for (name, pool) in &now.pools {
            let oldest_s = pool.oldest_ms.map_or(0, |since| now.at_ms.saturating_sub(since) / 1000);
            let (queued, delayed, running) = (pool.queued, pool.delayed, pool.running);
            pools.insert(name.clone(), PoolPoint { queued, delayed, running, oldest_s, ..PoolPoint::default() });
        }
        for (name, totals) in since.into_iter().flat_map(|since| &since.pools) {
            let pool = pools.entry(name.clone()).or_default();
            (pool.ended, pool.pickup, pool.duration) = (totals.ended, totals.pickup, totals.duration);
        }
        Self { step: 0, looks: 1, known: u64::from(since.is_some()), pools }
    }

    /// Adds a later look at the same step.
    pub(super) fn add(&mut self, other: &Self) {
        self.looks += other.looks;
        self.known += other.known;
        for (name, theirs) in &other.pools {
            self.pools.entry(name.clone()).or_default().add(theirs);
        }
    }

    /// One pool, or all together.
    fn pool(&self, name: Option<&str>) -> Option<PoolPoint> {
        let Some(name) = name else {
            return Some(self.pools.values().fold(PoolPoint::default(), |mut all, pool| {
                all.add(pool);
                all
            }));
        };
        self.pools.get(name).cloned()
    }
}

impl PoolPoint {
    fn add(&mut self, other: &Self) {
        self.queued += other.queued;
        self.delayed += other.delayed;
        self.running += other.running;
        self.oldest_s = self.oldest_s.max(other.oldest_s);
        self.ended.iter_mut().zip(other.ended).for_each(|(ours, theirs)| *ours += theirs);
        self.pickup.merge(&other.pickup);
        self.duration.merge(&other.duration);
    }
}

/// What is written of a step into a ring: the slot, and what stands there now.
pub(super) fn slot(span: HistorySpan, fine_step: u64, there: &str, look: &Point) -> (u64, Point) {
    let step = fine_step / span.fine_steps();
    // Nonsense is replaced like what an earlier round has left; and a step that is looked at once, when Redis' clock went back.
    let is_added_up = |before: &Point| before.step == step && span.fine_steps() > 1;
    let before = serde_json::from_str(there).ok().filter(is_added_up);
    let mut point = before.unwrap_or_else(|| Point { step, ..Point::default() });
    point.add(look);
    (step % span.points(), point)
}

/// A span of the past, step by step.
#[derive(Clone, Debug)]
pub struct History {
    span: HistorySpan,
    /// The first step, since 1970.
    first: u64,
    steps: Vec<Option<Point>>,
}

impl Watch {
    /// What was.
    pub async fn history(&self, span: HistorySpan) -> Result<History, BrokerError> {
        let mut both = redis::pipe();
        both.cmd("HVALS").arg(keys::named(HERE, format_args!("history:{}", span.as_str())));
        both.cmd("TIME").arg(&[] as &[&str]);
        let (points, (seconds, _)): (Vec<String>, (u64, u64)) = self.queue.broker().pipeline(&both).await?;
        let points = points.iter().filter_map(|text| serde_json::from_str(text).ok());
        Ok(History::of(span, seconds, points))
    }
}

impl History {
    /// Of these points, the ones that lie within the span before `now_s`.
    pub(super) fn of(span: HistorySpan, now_s: u64, points: impl IntoIterator<Item = Point>) -> Self {
        // The fine step that runs now is taken down at its beginning, so it may not be there yet; a long one is.
        let last = now_s / span.step_s();
        let first = (last + 1).saturating_sub(span.points());
        let mut steps: Vec<Option<Point>> = (first..=last).map(|_| None).collect();
        for point in points {
            let place = point.step.checked_sub(first).and_then(|n| usize::try_from(n).ok());
            if let Some(step) = place.and_then(|n| steps.get_mut(n)) {
                *step = Some(point);
            }
        }
        Self { span, first, steps }
    }

    /// When the first step began, seconds since 1970.
    pub fn from_s(&self) -> u64 {
        self.first * self.span.step_s()
    }

    /// How many steps there are.
    pub fn points(&self) -> usize {
        self.steps.len()
    }

    /// A series of one pool or of all together: `None` where nothing was taken down.
    pub fn series(&self, pool: Option<&str>, what: Series) -> Vec<Option<f64>> {
        let value = |point: &Point| what.of(&point.pool(pool)?, point);
        self.steps.iter().map(|step| step.as_ref().and_then(value)).collect()
    }

    /// What happened in the last `seconds`, of all pools: jobs that ended, in the order of [`super::ENDS`], the times,
    /// and for how many seconds it is known.
    pub fn lately(&self, seconds: u64) -> Lately {
        let mut lately = Lately::default();
        let steps = usize::try_from(seconds / self.span.step_s()).unwrap_or(usize::MAX);
        // The step that runs now may not have been looked at yet.
        let known = self.steps.iter().rev().take(steps + 1).flatten().filter(|point| point.known > 0);
        for point in known.take(steps) {
            lately.seconds += self.span.step_s();
            if let Some(all) = point.pool(None) {
                lately.ended.iter_mut().zip(all.ended).for_each(|(sum, n)| *sum += n);
                lately.pickup.merge(&all.pickup);
                lately.duration.merge(&all.duration);
            }
        }
        lately
    }
}

/// What happened in the last moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as `History::lately` says")]
pub struct Lately {
    pub ended: [u64; 5],
    pub pickup: Histogram,
    pub duration: Histogram,
    pub seconds: u64,
}

/// What a series is of.
#[derive(Clone, Copy, Debug)]
pub enum Series {
    /// Jobs that waited for a slot.
    Queued,
    /// Jobs that waited for a time.
    Delayed,
    /// Jobs that ran.
    Running,
    /// How long the oldest had waited, seconds.
    OldestS,
    /// Jobs that ended so, by their place in [`super::ENDS`].
    Ended(usize),
    /// This share of the jobs that were taken had waited for so many milliseconds at most.
    Pickup(Share),
    /// This share of the runs took so many milliseconds at most.
    Duration(Share),
}

/// Which percentile.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Share {
    P50,
    P95,
    P99,
}

impl Series {
    #[expect(clippy::cast_precision_loss, reason = "counts of jobs are far below 2^53")]
    fn of(self, pool: &PoolPoint, point: &Point) -> Option<f64> {
        let mean = |sum: u64| {
            let mean = sum as f64 / point.looks.max(1) as f64;
            (mean * 100.0).round() / 100.0
        };
        match self {
            Self::Queued => Some(mean(pool.queued)),
            Self::Delayed => Some(mean(pool.delayed)),
            Self::Running => Some(mean(pool.running)),
            Self::OldestS => Some(pool.oldest_s as f64),
            _ if point.known == 0 => None,
            Self::Ended(end) => pool.ended.get(end).map(|n| *n as f64),
            Self::Pickup(share) => share.of(&pool.pickup),
            Self::Duration(share) => share.of(&pool.duration),
        }
    }
}

impl Share {
    fn of(self, times: &Histogram) -> Option<f64> {
        let all = times.percentiles();
        match self {
            Self::P50 => all.p50,
            Self::P95 => all.p95,
            Self::P99 => all.p99,
        }
    }
}
