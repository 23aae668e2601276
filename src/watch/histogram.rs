//! Times by size. The same buckets everywhere, so that what many processes counted can be added up, and percentiles
//! taken of the sum.

use serde::{Deserialize, Serialize};

/// Upper bounds of the buckets in milliseconds, 1–2–5; what is longer than the last goes into one more.
pub const BOUNDS_MS: [u64; 24] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000,
];

const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// How many times fell into each bucket, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Sparse", into = "Sparse")]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum_ms: u64,
}

/// Of the times in a histogram, milliseconds; `None` where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names of the API, documented in openapi.yaml")]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
}

impl Histogram {
    /// Counts `n` times of `ms`.
    pub fn observe(&mut self, ms: u64, n: u64) {
        let bucket = BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS_MS.len());
        self.add(bucket, n);
        self.sum_ms = self.sum_ms.saturating_add(ms.saturating_mul(n));
    }

    /// Adds to a bucket by its number; one that does not exist is left alone.
    pub(super) fn add(&mut self, bucket: usize, n: u64) {
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(n);
        }
    }

    pub(super) fn add_sum(&mut self, ms: u64) {
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(ours, theirs)| *ours = ours.saturating_add(theirs));
        self.add_sum(other.sum_ms);
    }

    /// What came to it since `before`; nothing where there is less now.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut counts = self.counts;
        counts.iter_mut().zip(before.counts).for_each(|(now, then)| *now = now.saturating_sub(then));
        Self { counts, sum_ms: self.sum_ms.saturating_sub(before.sum_ms) }
    }

    /// How many times it holds.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// All of them together, milliseconds.
    pub fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    /// Buckets that hold something, by number.
    pub fn filled(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.into_iter().enumerate().filter(|(_, count)| *count > 0)
    }

    /// The counts, bucket by bucket; the last one is of what is above all bounds.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The usual ones.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles { p50: self.quantile(0.5), p95: self.quantile(0.95), p99: self.quantile(0.99) }
    }

    /// Below which time a share of them lies, as if they were spread evenly within their bucket.
    #[expect(clippy::cast_precision_loss, reason = "counts and bounds are far below 2^53; it is an estimate anyway")]
    fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.count() as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (bucket, count) in self.counts.into_iter().enumerate() {
            let Some(upper) = BOUNDS_MS.get(bucket).map(|bound| *bound as f64) else { break };
            if count > 0 && below + count as f64 >= rank {
                let exact: f64 = lower + (upper - lower) * ((rank - below) / count as f64).clamp(0.0, 1.0);
                return Some((exact * 100.0).round() / 100.0);
            }
            below += count as f64;
            lower = upper;
        }
        (self.count() > 0).then_some(lower)
    }
}

/// As it is stored: the sum, then bucket and count of those that hold something.
#[derive(Serialize, Deserialize)]
struct Sparse(u64, Vec<(usize, u64)>);

impl From<Histogram> for Sparse {
    fn from(histogram: Histogram) -> Self {
        Self(histogram.sum_ms, histogram.filled().collect())
    }
}

impl From<Sparse> for Histogram {
    fn from(Sparse(sum_ms, filled): Sparse) -> Self {
        let mut histogram = Self { sum_ms, ..Self::default() };
        for (bucket, count) in filled {
            histogram.add(bucket, count);
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[(u64, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for (ms, n) in times {
            histogram.observe(*ms, *n);
        }
        histogram
    }

    #[test]
    fn percentiles_lie_in_the_bucket_of_the_exact_one() {
        for (times, p50, p99) in [
            (&[][..], None, None),
            (&[(0, 1)], Some(0.5), Some(0.99)),
            (&[(7, 100)], Some(7.5), Some(9.95)),
            (&[(1, 50), (1000, 50)], Some(1.0), Some(990.0)),
            (&[(1, 99), (60_000_000, 1)], Some(0.51), Some(1.0)),
            (&[(60_000_000, 3)], Some(50_000_000.0), Some(50_000_000.0)),
        ] {
            let percentiles = of(times).percentiles();
            assert_eq!((percentiles.p50, percentiles.p99), (p50, p99), "{times:?}");
        }
    }

    #[test]
    fn differences_are_never_negative() {
        let (before, now) = (of(&[(3, 5), (100, 2)]), of(&[(3, 7), (2000, 1)]));
        assert_eq!(now.since(&before).filled().collect::<Vec<_>>(), [(2, 2), (10, 1)]);
        assert_eq!(Histogram::default().since(&now), Histogram::default());
        let mut sum = before;
        sum.merge(&now);
        assert_eq!((sum.count(), sum.sum_ms()), (15, 15 + 200 + 21 + 2000));
    }

    #[test]
    fn what_is_stored_comes_back_and_nonsense_does_no_harm() {
        let histogram = of(&[(1, 2), (90_000_000, 1)]);
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(text, "[90000002,[[0,2],[24,1]]]");
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
        let odd: Histogram = serde_json::from_str("[1,[[99,7],[0,18446744073709551615],[0,1]]]").unwrap();
        assert_eq!(odd.count(), u64::MAX);
    }
}
