//! Where a list takes its jobs from: index sets of many shards and pools, merged in order, a bounded piece at a time.

use redis::{Cmd, Pipeline};

use super::cursor::Position;
use crate::broker::{Broker, BrokerError};

/// Sets that together hold every candidate of a list, and the order they are walked in.
#[derive(Debug)]
pub(super) enum Sources {
    /// Zsets by id (score 0): newest first.
    Newest(Vec<String>),
    /// Zsets by score, then id: lowest first.
    Next(Vec<String>),
    /// Zsets by score, then id: highest first.
    Latest(Vec<String>),
    /// All candidates, in order: where there can be only few.
    Given(Vec<Position>, Order),
}

/// Which of two jobs comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The newer one.
    Newest,
    /// The one with the lower score, then the older one.
    Next,
    /// The one with the higher score, then the newer one.
    Latest,
}

/// A piece of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    /// In order, without gaps.
    pub(super) jobs: Vec<Position>,
    /// Whether there may be more behind it.
    pub(super) more: bool,
}

/// What one set gave.
struct Run {
    jobs: Vec<Position>,
    /// The last job that was looked at, if there may be more behind it in this set.
    horizon: Option<Position>,
}

impl Order {
    fn compare(self, a: &Position, b: &Position) -> std::cmp::Ordering {
        match self {
            Self::Newest => b.id.cmp(&a.id),
            Self::Next => a.score.total_cmp(&b.score).then(a.id.cmp(&b.id)),
            Self::Latest => Self::Next.compare(b, a),
        }
    }

    /// Sorts candidates that were collected from everywhere.
    pub(super) fn sort(self, jobs: &mut [Position]) {
        jobs.sort_unstable_by(|a, b| self.compare(a, b));
    }

    fn is_behind(self, job: &Position, after: Option<Position>) -> bool {
        after.is_none_or(|after| self.compare(job, &after).is_gt())
    }
}

impl Sources {
    /// The next jobs after `after`, at most `n`; none only if there are none.
    pub(super) async fn next(&self, broker: &Broker, after: Option<Position>, n: usize) -> Result<Piece, BrokerError> {
        let (runs, order) = match self {
            Self::Newest(keys) => (newest(broker, keys, after, n).await?, Order::Newest),
            Self::Next(keys) => (by_score(broker, keys, Order::Next, after, n).await?, Order::Next),
            Self::Latest(keys) => (by_score(broker, keys, Order::Latest, after, n).await?, Order::Latest),
            Self::Given(jobs, order) => {
                let jobs = jobs.iter().filter(|job| order.is_behind(job, after)).copied().collect();
                (vec![Run { jobs, horizon: None }], *order)
            }
        };
        Ok(merge(runs, order, n))
    }
}

/// The first `n` of all runs. Behind the nearest horizon a set may hold jobs that were not looked at, so nothing behind
/// it is given.
fn merge(runs: Vec<Run>, order: Order, n: usize) -> Piece {
    let horizon = runs.iter().filter_map(|run| run.horizon).min_by(|a, b| order.compare(a, b));
    let mut jobs: Vec<Position> = runs.into_iter().flat_map(|run| run.jobs).collect();
    order.sort(&mut jobs);
    // A job that moves from one set to another meanwhile may be in both.
    jobs.dedup_by_key(|job| job.id);
    let mut more = horizon.is_some();
    if let Some(horizon) = horizon {
        jobs.retain(|job| order.compare(job, &horizon).is_le());
    }
    if jobs.len() > n {
        more = true;
        jobs.truncate(n);
    }
    Piece { jobs, more }
}

async fn newest(broker: &Broker, keys: &[String], after: Option<Position>, n: usize) -> Result<Vec<Run>, BrokerError> {
    let before = after.map_or("+".to_owned(), |after| format!("({}", after.id));
    let mut pipeline = Pipeline::new();
    for key in keys {
        pipeline.cmd("ZREVRANGEBYLEX").arg(key).arg(&before).arg("-").arg("LIMIT").arg(0).arg(n);
    }
    let sets: Vec<Vec<String>> = if keys.is_empty() { Vec::new() } else { broker.pipeline(&pipeline).await? };
    let run = |ids: Vec<String>| {
        let full = ids.len() == n;
        let jobs = positions(ids.into_iter().map(|id| (id, 0.0)));
        Run { horizon: jobs.last().copied().filter(|_| full), jobs }
    };
    Ok(sets.into_iter().map(run).collect())
}

async fn by_score(
    broker: &Broker,
    keys: &[String],
    order: Order,
    after: Option<Position>,
    n: usize,
) -> Result<Vec<Run>, BrokerError> {
    let mut pipeline = Pipeline::new();
    for key in keys {
        pipeline.add_command(range(order, key, after, 0, n));
    }
    let sets: Vec<Vec<(String, f64)>> = if keys.is_empty() { Vec::new() } else { broker.pipeline(&pipeline).await? };
    let mut runs = Vec::with_capacity(sets.len());
    for (key, set) in keys.iter().zip(sets) {
        let mut run = run_behind(set, order, after, n);
        if let (Some(after), true) = (after, run.jobs.is_empty() && run.horizon.is_some()) {
            // More than a page of jobs has the score of the last one: find the place by halving, not by walking.
            let skip = rank_behind(broker, key, order, after).await?;
            let set = broker.query(&range(order, key, Some(after), skip, n)).await?;
            run = run_behind(set, order, Some(after), n);
        }
        runs.push(run);
    }
    Ok(runs)
}

/// A piece of a set from the score of `after` on, in this order.
fn range(order: Order, key: &str, after: Option<Position>, skip: u64, n: usize) -> Cmd {
    let (verb, from, to) = match order {
        Order::Next => ("ZRANGEBYSCORE", "-inf", "+inf"),
        Order::Newest | Order::Latest => ("ZREVRANGEBYSCORE", "+inf", "-inf"),
    };
    let from = after.map_or(from.to_owned(), |after| after.score.to_string());
    let mut command = redis::cmd(verb);
    command.arg(key).arg(from).arg(to).arg("WITHSCORES").arg("LIMIT").arg(skip).arg(n);
    command
}

fn run_behind(set: Vec<(String, f64)>, order: Order, after: Option<Position>, n: usize) -> Run {
    let full = set.len() == n;
    let mut jobs = positions(set);
    let horizon = jobs.last().copied().filter(|_| full);
    jobs.retain(|job| order.is_behind(job, after));
    Run { jobs, horizon }
}

/// How many jobs with the score of `after` stand before it or are it.
async fn rank_behind(broker: &Broker, key: &str, order: Order, after: Position) -> Result<u64, BrokerError> {
    let (mut low, mut high) = (0, broker.query(redis::cmd("ZCOUNT").arg(key).arg(after.score).arg(after.score)).await?);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Vec<(String, f64)> = broker.query(&range(order, key, Some(after), middle, 1)).await?;
        if positions(found).first().is_some_and(|job| !order.is_behind(job, Some(after))) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Members that are no job ids are somebody else's.
fn positions(members: impl IntoIterator<Item = (String, f64)>) -> Vec<Position> {
    members.into_iter().filter_map(|(id, score)| Some(Position { score, id: id.parse().ok()? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobId, Shard};

    fn at(score: f64) -> Position {
        Position { score, id: JobId::new(Shard(0)) }
    }

    #[test]
    fn nothing_behind_the_nearest_horizon_is_given() {
        let [a, b, c, d] = [1.0, 2.0, 3.0, 4.0].map(at);
        let full = Run { jobs: vec![a, c], horizon: Some(c) };
        let done = Run { jobs: vec![b, d], horizon: None };
        assert_eq!(merge(vec![full, done], Order::Next, 10), Piece { jobs: vec![a, b, c], more: true });
        let (one, two) = (Run { jobs: vec![a], horizon: None }, Run { jobs: vec![b, c], horizon: None });
        assert_eq!(merge(vec![one, two], Order::Next, 3), Piece { jobs: vec![a, b, c], more: false });
        let all = Run { jobs: vec![a, b, c, d], horizon: None };
        assert!(merge(vec![all], Order::Newest, 2).more);
    }
}
