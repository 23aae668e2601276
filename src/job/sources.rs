//! Where a list takes its jobs from: index sets of many shards and pools, merged in order, a bounded piece at a time.

use redis::{Cmd, Pipeline};
use serde::Serialize;

use super::{JobId, cursor::Position, filter::Ids};
use crate::broker::{Broker, BrokerError};

/// Sets that together hold every candidate of a list, and the order they are walked in.
#[derive(Debug)]
pub(super) enum Sources {
    /// Zsets by id: newest first.
    Newest(Vec<ById>),
    /// Zsets by score, then id: lowest first.
    Next(Vec<ByScore>),
    /// Zsets by score, then id: highest first.
    Latest(Vec<ByScore>),
    /// All candidates, in order: where there can be only few.
    Given(Vec<Position>, Order),
}

/// A part of a zset (score 0) whose members are job ids, or `<name>\0<job id>`.
#[derive(Clone, Debug)]
pub(super) struct ById {
    pub(super) key: String,
    pub(super) name: Option<String>,
    pub(super) ids: Ids,
}

/// A part of a zset whose members are job ids: scores from, and to which excluded.
#[derive(Clone, Debug)]
pub(super) struct ByScore {
    pub(super) key: String,
    pub(super) scores: (Option<i64>, Option<i64>),
}

/// Which of two jobs comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The newer one.
    Newest,
    /// The one with the lower score, then the older one.
    Next,
    /// The one with the higher score, then the newer one.
    #[serde(rename = "finished")]
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

impl ById {
    /// What stands before the ids of its members.
    fn start(&self) -> String {
        self.name.as_ref().map(|name| format!("{name}\0")).unwrap_or_default()
    }

    /// The lowest member of it, and behind the highest, as ZRANGEBYLEX has them.
    fn bounds(&self) -> (String, String) {
        let (start, Ids { from, to }) = (self.start(), &self.ids);
        let low = if start.is_empty() && from.is_empty() { "-".into() } else { format!("[{start}{from}") };
        let high = match (to, &self.name) {
            (Some(to), _) => format!("({start}{to}"),
            // No name has control characters.
            (None, Some(name)) => format!("({name}\u{1}"),
            (None, None) => "+".into(),
        };
        (low, high)
    }

    fn count(&self) -> Cmd {
        let (low, high) = self.bounds();
        let mut command = redis::cmd("ZLEXCOUNT");
        command.arg(&self.key).arg(low).arg(high);
        command
    }

    fn positions(&self, members: &[String]) -> Vec<Position> {
        let start = self.start();
        positions(members.iter().filter_map(|member| Some((member.strip_prefix(&start)?, 0.0))))
    }
}

impl ByScore {
    /// The lowest score, and behind the highest, as ZRANGEBYSCORE has them.
    fn bounds(&self) -> (String, String) {
        let (from, to) = self.scores;
        (from.map_or("-inf".into(), |from| from.to_string()), to.map_or("+inf".into(), |to| format!("({to}")))
    }

    fn count(&self) -> Cmd {
        let (low, high) = self.bounds();
        let mut command = redis::cmd("ZCOUNT");
        command.arg(&self.key).arg(low).arg(high);
        command
    }
}

impl Sources {
    pub(super) fn order(&self) -> Order {
        match self {
            Self::Newest(_) => Order::Newest,
            Self::Next(_) => Order::Next,
            Self::Latest(_) => Order::Latest,
            Self::Given(_, order) => *order,
        }
    }

    /// How many candidates there are; it costs the same however many.
    pub(super) async fn count(&self, broker: &Broker) -> Result<usize, BrokerError> {
        let counts: Vec<Cmd> = match self {
            Self::Newest(sets) => sets.iter().map(ById::count).collect(),
            Self::Next(sets) | Self::Latest(sets) => sets.iter().map(ByScore::count).collect(),
            Self::Given(jobs, _) => return Ok(jobs.len()),
        };
        let mut pipeline = Pipeline::new();
        let any = !counts.is_empty();
        for count in counts {
            pipeline.add_command(count);
        }
        let counts: Vec<usize> = if any { broker.pipeline(&pipeline).await? } else { Vec::new() };
        Ok(counts.into_iter().sum())
    }

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

async fn newest(broker: &Broker, sets: &[ById], after: Option<Position>, n: usize) -> Result<Vec<Run>, BrokerError> {
    let mut pipeline = Pipeline::new();
    for set in sets {
        let (low, high) = set.bounds();
        let high = after.map_or(high, |after| format!("({}{}", set.start(), after.id));
        pipeline.cmd("ZREVRANGEBYLEX").arg(&set.key).arg(high).arg(low).arg("LIMIT").arg(0).arg(n);
    }
    let found: Vec<Vec<String>> = if sets.is_empty() { Vec::new() } else { broker.pipeline(&pipeline).await? };
    let run = |(set, members): (&ById, Vec<String>)| {
        let full = members.len() == n;
        let jobs = set.positions(&members);
        Run { horizon: jobs.last().copied().filter(|_| full), jobs }
    };
    Ok(sets.iter().zip(found).map(run).collect())
}

/// The oldest jobs of each of these sets, at most `n` a set.
pub(super) async fn oldest(broker: &Broker, sets: &[ById], n: usize) -> Result<Vec<JobId>, BrokerError> {
    let mut pipeline = Pipeline::new();
    for set in sets {
        let (low, high) = set.bounds();
        pipeline.cmd("ZRANGEBYLEX").arg(&set.key).arg(low).arg(high).arg("LIMIT").arg(0).arg(n);
    }
    let found: Vec<Vec<String>> = if sets.is_empty() { Vec::new() } else { broker.pipeline(&pipeline).await? };
    Ok(sets.iter().zip(found).flat_map(|(set, members)| set.positions(&members)).map(|job| job.id).collect())
}

async fn by_score(
    broker: &Broker,
    sets: &[ByScore],
    order: Order,
    after: Option<Position>,
    n: usize,
) -> Result<Vec<Run>, BrokerError> {
    let mut pipeline = Pipeline::new();
    for set in sets {
        pipeline.add_command(range(order, set, after, 0, n));
    }
    let found: Vec<Vec<(String, f64)>> = if sets.is_empty() { Vec::new() } else { broker.pipeline(&pipeline).await? };
    let mut runs = Vec::with_capacity(found.len());
    for (set, members) in sets.iter().zip(found) {
        let mut run = run_behind(members, order, after, n);
        if let (Some(after), true) = (after, run.jobs.is_empty() && run.horizon.is_some()) {
            // More than a page of jobs has the score of the last one: find the place by halving, not by walking.
            let skip = rank_behind(broker, set, order, after).await?;
            let members = broker.query(&range(order, set, Some(after), skip, n)).await?;
            run = run_behind(members, order, Some(after), n);
        }
        runs.push(run);
    }
    Ok(runs)
}

/// A piece of a set from the score of `after` on, in this order.
fn range(order: Order, set: &ByScore, after: Option<Position>, skip: u64, n: usize) -> Cmd {
    let (low, high) = set.bounds();
    let after = after.map(|after| after.score.to_string());
    let (verb, from, to) = match order {
        Order::Next => ("ZRANGEBYSCORE", after.unwrap_or(low), high),
        Order::Newest | Order::Latest => ("ZREVRANGEBYSCORE", after.unwrap_or(high), low),
    };
    let mut command = redis::cmd(verb);
    command.arg(&set.key).arg(from).arg(to).arg("WITHSCORES").arg("LIMIT").arg(skip).arg(n);
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
async fn rank_behind(broker: &Broker, set: &ByScore, order: Order, after: Position) -> Result<u64, BrokerError> {
    let same = broker.query(redis::cmd("ZCOUNT").arg(&set.key).arg(after.score).arg(after.score)).await?;
    let (mut low, mut high) = (0, same);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Vec<(String, f64)> = broker.query(&range(order, set, Some(after), middle, 1)).await?;
        if positions(found).first().is_some_and(|job| !order.is_behind(job, Some(after))) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Members that are no job ids are somebody else's.
fn positions(members: impl IntoIterator<Item = (impl AsRef<str>, f64)>) -> Vec<Position> {
    members.into_iter().filter_map(|(id, score)| Some(Position { score, id: id.as_ref().parse().ok()? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Shard;

    fn at(score: f64) -> Position {
        Position { score, id: JobId::new(Shard(0)) }
    }

    #[test]
    fn bounds_hold_what_they_shall() {
        let set = |name: Option<&str>, from: &str, to: Option<&str>| {
            let ids = Ids { from: from.to_owned(), to: to.map(str::to_owned) };
            ById { key: "k".into(), name: name.map(str::to_owned), ids }.bounds()
        };
        for (bounds, low, high) in [
            (set(None, "", None), "-", "+"),
            (set(None, "01", Some("02")), "[01", "(02"),
            (set(Some("a"), "", None), "[a\0", "(a\u{1}"),
            (set(Some("a"), "01", Some("02")), "[a\u{0}01", "(a\u{0}02"),
        ] {
            assert_eq!(bounds, (low.to_owned(), high.to_owned()));
        }
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
