//! What fails: finished jobs that failed, timed out or are dead, in groups by platform, error code and status.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::Timestamp;
use redis::Pipeline;
use serde::Serialize;

use super::{Job, JobId, Jobs, Status, cursor::Position};
use crate::{broker::BrokerError, queue::Named};

/// Groups that are told.
const GROUPS: usize = 200;

/// Groups of failures, the largest first.
#[derive(Debug, Serialize)]
pub struct Failures {
    /// The groups.
    pub groups: Vec<Group>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Failures of one kind.
#[derive(Debug, Serialize)]
pub struct Group {
    /// Whose jobs.
    pub platform_id: String,
    /// The code of their errors.
    pub code: String,
    /// Where they stand.
    pub status: Status,
    /// How many are kept.
    pub count: u64,
    /// The one that finished last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Job>,
    /// When the first one finished.
    pub first_at: String,
    /// When the last one finished.
    pub last_at: String,
}

/// What the sets of one group say, over all shards.
struct Tally {
    count: u64,
    first: f64,
    last: Position,
}

/// A set's size, its first and its last member with their scores.
type Ends = (u64, Vec<(String, f64)>, Vec<(String, f64)>);

impl Jobs {
    /// What fails, as far as it is kept.
    pub async fn failures(&self) -> Result<Failures, BrokerError> {
        let (sets, more) = self.queue.error_sets("").await?;
        let mut tallies: BTreeMap<(String, String, Status), Tally> = BTreeMap::new();
        for (set, ends) in sets.iter().zip(self.ends(&sets).await?) {
            if let (Some(tally), Some(code)) = (Tally::read(ends), &set.code) {
                let group = (set.platform.clone(), code.clone(), set.status);
                tallies.entry(group).and_modify(|whole| whole.add(&tally)).or_insert(tally);
            }
        }
        let mut groups: Vec<_> = tallies.into_iter().collect();
        groups.sort_by_key(|(_, tally)| Reverse(tally.count));
        let truncated = more || groups.len() > GROUPS;
        groups.truncate(GROUPS);
        let latest: Vec<Position> = groups.iter().map(|(_, tally)| tally.last).collect();
        let latest = self.summaries(&latest).await?;
        let groups = groups.into_iter().zip(latest).map(|(((platform_id, code, status), tally), (_, latest))| {
            let (first_at, last_at) = (time(tally.first), time(tally.last.score));
            Group { platform_id, code, status, count: tally.count, latest, first_at, last_at }
        });
        Ok(Failures { groups: groups.collect(), truncated })
    }

    async fn ends(&self, sets: &[Named]) -> Result<Vec<Ends>, BrokerError> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::new();
        for set in sets {
            pipeline.cmd("ZCARD").arg(&set.key);
            pipeline.cmd("ZRANGE").arg(&set.key).arg(0).arg(0).arg("WITHSCORES");
            pipeline.cmd("ZRANGE").arg(&set.key).arg(-1).arg(-1).arg("WITHSCORES");
        }
        let answers: Vec<redis::Value> = self.broker().pipeline(&pipeline).await?;
        let read = |three: &[redis::Value]| match three {
            [count, first, last] => Ok((
                redis::from_redis_value_ref(count)?,
                redis::from_redis_value_ref(first)?,
                redis::from_redis_value_ref(last)?,
            )),
            _ => Ok(Ends::default()),
        };
        let ends: Result<Vec<Ends>, redis::ParsingError> = answers.chunks(3).map(read).collect();
        ends.map_err(|error| BrokerError::from(redis::RedisError::from(error)))
    }
}

impl Tally {
    fn read((count, first, last): Ends) -> Option<Self> {
        let ((_, first), (last, score)) = (first.first()?, last.first()?);
        let id: JobId = last.parse().ok()?;
        Some(Self { count, first: *first, last: Position { score: *score, id } })
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        if (other.last.score, other.last.id) > (self.last.score, self.last.id) {
            self.last = other.last;
        }
    }
}

/// A score as the time that it is.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970, by Redis' clock")]
fn time(ms: f64) -> String {
    let time = Timestamp::from_millisecond(ms as i64).unwrap_or_default();
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Shard;

    #[test]
    fn tallies_of_shards_add_up() {
        let [one, two] = [1, 2].map(|shard| JobId::new(Shard(shard)));
        let ends = |first: f64, last: f64, id: JobId| {
            Tally::read((2, vec![("x".into(), first)], vec![(id.to_string(), last)])).unwrap()
        };
        let mut whole = ends(2.0, 5.0, one);
        whole.add(&ends(1.0, 4.0, two));
        assert_eq!((whole.count, whole.first, whole.last.id), (4, 1.0, one));
        whole.add(&ends(3.0, 6.0, two));
        assert_eq!((whole.count, whole.first, whole.last.id), (6, 1.0, two));
        assert!(Tally::read((0, vec![], vec![])).is_none());
        assert_eq!(time(1_732_143_600_012.0), "2024-11-20T23:00:00.012Z");
    }
}
