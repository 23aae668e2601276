//! What was counted over all time, by pool.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use crate::job::Status;

/// How a job can end; the order of every list of ends.
pub const ENDS: [Status; 5] = [Status::Succeeded, Status::Failed, Status::TimedOut, Status::Cancelled, Status::Dead];

/// Pools that are told apart; jobs of more would be a fault.
const MAX_POOLS: usize = 64;

/// All pools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Totals {
    /// By name.
    pub pools: BTreeMap<String, PoolTotals>,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolTotals {
    /// Jobs that ended, in the order of [`ENDS`].
    #[serde(rename = "e")]
    pub ended: [u64; 5],
    /// Runs that ended, by outcome.
    #[serde(rename = "r")]
    pub runs: BTreeMap<String, u64>,
    /// Sanjers that died.
    #[serde(rename = "x")]
    pub deaths: u64,
    /// How long jobs had waited when they were taken.
    #[serde(rename = "w")]
    pub pickup: Histogram,
    /// How long runs took.
    #[serde(rename = "t")]
    pub duration: Histogram,
}

impl Totals {
    /// Takes in a field of `totals`, or of a shard's `counters`; what is none of them is left alone.
    pub(super) fn take_in(&mut self, field: &str, value: u64) {
        let mut parts = field.splitn(3, ':');
        let (Some(kind), Some(pool)) = (parts.next(), parts.next()) else { return };
        if !self.pools.contains_key(pool) && self.pools.len() >= MAX_POOLS {
            return;
        }
        let mut changed = self.pools.get(pool).cloned().unwrap_or_default();
        if changed.take_in(kind, parts.next(), value).is_some() {
            self.pools.insert(pool.to_owned(), changed);
        }
    }

    /// What was counted since `before`; nothing where there is less now, for somebody began anew.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let none = PoolTotals::default();
        let pools = self.pools.iter();
        let pools = pools.map(|(name, now)| (name.clone(), now.since(before.pools.get(name).unwrap_or(&none))));
        Self { pools: pools.collect() }
    }
}

impl PoolTotals {
    fn take_in(&mut self, kind: &str, detail: Option<&str>, value: u64) -> Option<()> {
        match (kind, detail) {
            ("runs", Some(outcome)) => {
                *self.runs.entry(outcome.to_owned()).or_default() += value;
                // Most ends are an outcome's; the others are counted as `ended`.
                if let Some(end) = ENDS.iter().position(|end| end.as_str() == outcome) {
                    *self.ended.get_mut(end)? += value;
                }
            }
            ("ended", Some(status)) => {
                let end = ENDS.iter().position(|end| end.as_str() == status)?;
                *self.ended.get_mut(end)? += value;
            }
            ("deaths", None) => self.deaths += value,
            ("pickup", Some(bucket)) => self.pickup.add(bucket.parse().ok()?, value),
            ("pickup_ms", None) => self.pickup.add_sum(value),
            ("duration", Some(bucket)) => self.duration.add(bucket.parse().ok()?, value),
            ("duration_ms", None) => self.duration.add_sum(value),
            _ => return None,
        }
        Some(())
    }

    fn since(&self, before: &Self) -> Self {
        let mut ended = self.ended;
        ended.iter_mut().zip(before.ended).for_each(|(now, then)| *now = now.saturating_sub(then));
        let run = |(outcome, now): (&String, &u64)| {
            (outcome.clone(), now.saturating_sub(before.runs.get(outcome).copied().unwrap_or(0)))
        };
        Self {
            ended,
            runs: self.runs.iter().map(run).collect(),
            deaths: self.deaths.saturating_sub(before.deaths),
            pickup: self.pickup.since(&before.pickup),
            duration: self.duration.since(&before.duration),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_subtracted() {
        let read = |fields: &[(&str, u64)]| {
            let mut totals = Totals::default();
            for (field, value) in fields {
                totals.take_in(field, *value);
            }
            totals
        };
        let before = read(&[("runs:light:succeeded", 4), ("runs:light:retrying", 9), ("ended:light:cancelled", 1)]);
        let now = read(&[
            ("runs:light:succeeded", 10),
            ("runs:light:retrying", 2),
            ("ended:light:cancelled", 2),
            ("ended:heavy:dead", 1),
            ("deaths:heavy", 3),
            ("pickup:light:2", 5),
            ("pickup_ms:light", 25),
            ("refused_writes", 7),
            ("nonsense:light:x", 7),
            ("ended:odd:running", 7),
        ]);
        let since = now.since(&before);
        assert_eq!(since.pools.keys().collect::<Vec<_>>(), ["heavy", "light"]);
        assert_eq!((since.pools["light"].ended, since.pools["light"].runs["retrying"]), ([6, 0, 0, 1, 0], 0));
        assert_eq!((since.pools["heavy"].ended, since.pools["heavy"].deaths), ([0, 0, 0, 0, 1], 3));
        assert_eq!(since.pools["light"].pickup.count(), 5);
        let stored = serde_json::to_string(&now).unwrap();
        assert_eq!(serde_json::from_str::<Totals>(&stored).unwrap(), now);
    }

    #[test]
    fn pools_are_bounded() {
        let mut totals = Totals::default();
        (0..1000).for_each(|n| totals.take_in(&format!("deaths:p{n}"), 1));
        assert_eq!(totals.pools.len(), MAX_POOLS);
    }
}
