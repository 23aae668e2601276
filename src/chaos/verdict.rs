//! Whether every promise was kept: a function of what was posted, struck and found.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    time::Duration,
};

use serde::Serialize;

use super::{
    acts::Kind,
    evidence::Evidence,
    history::{Hash, Move},
    load::{Accepted, Cancelled},
    recovery::{Recovery, recoveries},
};
use crate::job::{JobId, Status};

/// How long the answer to a cancel may have been on its way.
const ANSWER_MS: i64 = 1000;

/// What the rehearsal found.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The seed it can be repeated with.
    pub seed: u64,
    /// How long the load and the acts went on, in seconds.
    pub duration_s: f64,
    /// Posts answered 202.
    pub accepted: u64,
    /// Answers that refused a post for now (503 and the like); it was repeated.
    pub refused: u64,
    /// Posts that nobody answered; they were repeated.
    pub unanswered: u64,
    /// The longest time without an accepted post, in milliseconds.
    pub longest_silence_ms: i64,
    /// Accepted jobs by their last status, if that is terminal.
    pub ended: BTreeMap<&'static str, u64>,
    /// Accepted jobs of which nothing is left.
    pub lost: u64,
    /// Accepted jobs that have not ended.
    pub unfinished: u64,
    /// Claims beyond those that the jobs' attempts account for: at-least-once allows them.
    pub extra_runs: u64,
    /// What was struck, and how soon its jobs ran again.
    pub strikes: BTreeMap<Kind, Recovery>,
    /// Every broken promise.
    pub broken: Vec<Broken>,
}

/// What the collector promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// An accepted job is not lost.
    NotLost,
    /// An accepted job ends.
    Ends,
    /// It ends once.
    EndsOnce,
    /// It ends as its task spec says, whatever is killed.
    EndsAsAsked,
    /// A cancel that was taken holds: it ends as cancelled, or as it was about to, and never runs again.
    CancelHolds,
    /// Its dataset holds the rows of its last run, each once.
    RowsOnce,
    /// A post that is repeated with its Idempotency-Key leads to the same job.
    PostRepeatable,
    /// There is no job that no post was told of.
    NoStranger,
    /// A valid task spec is accepted in the end.
    Accepted,
    /// Nothing ends but what is struck, and nothing panics.
    NothingElseEnds,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLost => "not lost",
            Self::Ends => "ends",
            Self::EndsOnce => "ends once",
            Self::EndsAsAsked => "ends as asked",
            Self::CancelHolds => "cancel holds",
            Self::RowsOnce => "rows once",
            Self::PostRepeatable => "post repeatable",
            Self::NoStranger => "no job that nobody posted",
            Self::Accepted => "accepted",
            Self::NothingElseEnds => "nothing else ends",
        })
    }
}

/// A broken promise.
#[derive(Debug, Serialize)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// The job, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// What was found instead.
    pub detail: String,
    /// Whether a kill of redis-server explains it: with `appendfsync everysec` Redis may lose what it has answered.
    pub redis_lost_it: bool,
    /// The job's hash.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hash: BTreeMap<String, String>,
}

/// Judges.
pub(super) fn judge(seed: u64, duration: Duration, evidence: &Evidence) -> Verdict {
    let posts = &evidence.posts;
    let posts_ms: Vec<i64> = posts.accepted.iter().map(|accepted| accepted.at_ms).collect();
    let mut verdict = Verdict {
        seed,
        duration_s: duration.as_secs_f64(),
        accepted: posts.accepted.len() as u64,
        refused: posts.refused,
        unanswered: posts.unanswered,
        longest_silence_ms: evidence.longest_silence(),
        ended: BTreeMap::new(),
        lost: 0,
        unfinished: 0,
        extra_runs: 0,
        strikes: recoveries(&evidence.strikes, &evidence.moves, &posts_ms),
        broken: Vec::new(),
    };
    for accepted in &posts.accepted {
        verdict.job(accepted, evidence);
    }
    let told: HashSet<JobId> =
        posts.accepted.iter().flat_map(|accepted| [Some(accepted.id), accepted.again]).flatten().collect();
    for id in evidence.all.difference(&told) {
        verdict.breaks(Promise::NoStranger, Some(*id), "no post was answered with this job".into(), None);
    }
    for what in &posts.wronged {
        verdict.breaks(Promise::Accepted, None, what.clone(), None);
    }
    for what in &evidence.by_itself {
        verdict.breaks(Promise::NothingElseEnds, None, what.clone(), None);
    }
    verdict
}

impl Verdict {
    fn job(&mut self, accepted: &Accepted, evidence: &Evidence) {
        let id = accepted.id;
        // It may have been taken before the answer was read, but not before it was made.
        let taken = evidence.may_be_lost(created_ms(id), accepted.at_ms);
        if let Some(again) = accepted.again
            && again != id
        {
            self.breaks(Promise::PostRepeatable, Some(id), format!("repeated, it led to {again}"), taken.clone());
        }
        let hash = evidence.hashes.get(&id).cloned().unwrap_or_default();
        let Some(status) = hash.get("status").and_then(|text| text.parse::<Status>().ok()) else {
            self.lost += 1;
            return self.breaks(Promise::NotLost, Some(id), "accepted and gone".into(), taken);
        };
        self.extra_runs += number(&hash, "lease").saturating_sub(number(&hash, "attempt"));
        let before = self.broken.len();
        if status.is_terminal() {
            *self.ended.entry(status.as_str()).or_default() += 1;
            let moves = evidence.moves.get(&id).map(Vec::as_slice).unwrap_or_default();
            self.end(accepted, status, moves, evidence);
            self.outcome(accepted, status, &hash, moves, evidence);
        } else {
            self.unfinished += 1;
            self.breaks(Promise::Ends, Some(id), format!("it is still {status}"), None);
        }
        for broken in self.broken.iter_mut().skip(before) {
            broken.hash.clone_from(&hash);
        }
    }

    /// Whether it ended once.
    fn end(&mut self, accepted: &Accepted, status: Status, moves: &[Move], evidence: &Evidence) {
        let ends: Vec<&Move> = moves.iter().filter(|one| one.status.is_terminal()).collect();
        let [first, rest @ ..] = ends.as_slice() else {
            return self.breaks(Promise::EndsOnce, Some(accepted.id), "no event tells of its end".into(), None);
        };
        if rest.is_empty() && first.status == status {
            return;
        }
        let told: Vec<String> = ends.iter().map(|end| format!("{} under lease {}", end.status, end.lease)).collect();
        let lost = evidence.may_be_lost(first.at_ms, first.at_ms);
        self.breaks(Promise::EndsOnce, Some(accepted.id), format!("its events tell of {}", told.join(", ")), lost);
    }

    /// Whether it ended as it had to.
    fn outcome(&mut self, accepted: &Accepted, status: Status, hash: &Hash, moves: &[Move], evidence: &Evidence) {
        let id = Some(accepted.id);
        if status == Status::Dead {
            // A job that was alone in its process each time that was killed is quarantined: that is promised, too.
            let killed = evidence.kills_of(moves);
            if killed < number(hash, "crashes") || killed == 0 {
                let detail = format!("it is dead, and {killed} of its processes were killed");
                self.breaks(Promise::EndsAsAsked, id, detail, None);
            }
            return;
        }
        if let Some(cancelled) = accepted.cancelled {
            if let Some(detail) = contradicts(cancelled, accepted.expected.status, status, moves) {
                let lost = evidence.may_be_lost(cancelled.at_ms - ANSWER_MS, cancelled.at_ms);
                self.breaks(Promise::CancelHolds, id, detail, lost);
            }
            return;
        }
        if status != accepted.expected.status {
            let detail = format!("it is {status}, not {}", accepted.expected.status);
            self.breaks(Promise::EndsAsAsked, id, detail, None);
        }
        let rows = rows(hash);
        if rows != accepted.expected.rows {
            let latest = |wanted: fn(Status) -> bool| moves.iter().rev().find(|one| wanted(one.status));
            let run = latest(|status| status == Status::Running).zip(latest(Status::is_terminal));
            let lost = run.and_then(|(begin, end)| evidence.may_be_lost(begin.at_ms, end.at_ms));
            self.breaks(Promise::RowsOnce, id, format!("{rows} rows, not {}", accepted.expected.rows), lost);
        }
    }

    fn breaks(&mut self, promise: Promise, job: Option<JobId>, detail: String, lost: Option<String>) {
        let redis_lost_it = lost.is_some();
        let detail = [detail].into_iter().chain(lost).collect::<Vec<_>>().join("; ");
        self.broken.push(Broken { promise, job, detail, redis_lost_it, hash: Hash::new() });
    }
}

/// What contradicts a cancel that was taken.
fn contradicts(cancelled: Cancelled, expected: Status, status: Status, moves: &[Move]) -> Option<String> {
    if status != Status::Cancelled && (cancelled.at_once || status != expected) {
        return Some(format!("its cancel was taken, and it is {status}"));
    }
    let late = moves.iter().find(|one| one.status == Status::Running && one.at_ms > cancelled.at_ms)?;
    Some(format!("its cancel was taken, and it ran again {} ms later", late.at_ms - cancelled.at_ms))
}

/// When the API made a job's id.
fn created_ms(id: JobId) -> i64 {
    let made = uuid::Uuid::parse_str(&id.to_string()).ok().and_then(|uuid| uuid.get_timestamp());
    let (seconds, nanos) = made.map_or((0, 0), |made| made.to_unix());
    i64::try_from(seconds).unwrap_or(0) * 1000 + i64::from(nanos / 1_000_000)
}

fn number(hash: &Hash, field: &str) -> u64 {
    hash.get(field).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Rows of the dataset `processed`, those of an earlier run not counted.
fn rows(hash: &Hash) -> u64 {
    let count = hash.get("processed").and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let of = |name| count.as_ref().and_then(|count| count.get(name)?.as_u64()).unwrap_or(0);
    if of("lease") == number(hash, "lease") { of("rows") } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{
        chaos::{evidence::Strike, history::Moves, load::Posts, task::Expected},
        job::Shard,
    };

    fn moves(told: &[(Status, u64, i64, Option<u32>)]) -> Vec<Move> {
        told.iter().map(|&(status, lease, at_ms, sanjer)| Move { status, lease, at_ms, sanjer }).collect()
    }

    fn accepted(id: JobId) -> Accepted {
        let expected = Expected { status: Status::Succeeded, rows: 0 };
        Accepted { id, again: None, expected, at_ms: 1000, cancelled: None }
    }

    /// One job that was queued, ran and ended well.
    fn one(id: JobId) -> Evidence {
        let told =
            [(Status::Queued, 0, 1000, None), (Status::Running, 1, 1010, Some(7)), (Status::Succeeded, 1, 1500, None)];
        let hash = [("status", "succeeded"), ("lease", "1"), ("attempt", "1")];
        Evidence {
            posts: Posts { accepted: vec![accepted(id)], ..Posts::default() },
            load_ms: (900, 3000),
            held_back_ms: 2000,
            strikes: Vec::new(),
            moves: Moves::from([(id, moves(&told))]),
            hashes: HashMap::from([(id, hash.map(|(field, value)| (field.to_owned(), value.to_owned())).into())]),
            all: HashSet::from([id]),
            by_itself: Vec::new(),
        }
    }

    fn broken(evidence: &Evidence) -> Vec<Promise> {
        judge(1, Duration::from_secs(2), evidence).broken.into_iter().map(|broken| broken.promise).collect()
    }

    fn set(evidence: &mut Evidence, id: JobId, field: &str, value: &str) {
        evidence.hashes.get_mut(&id).unwrap().insert(field.into(), value.into());
    }

    #[test]
    fn kept_promises_are_kept() {
        let id = JobId::new(Shard(0));
        let verdict = judge(4, Duration::from_secs(2), &one(id));
        assert!(verdict.broken.is_empty(), "{:?}", verdict.broken);
        assert_eq!((verdict.accepted, verdict.ended["succeeded"], verdict.extra_runs), (1, 1, 0));
        assert_eq!(verdict.longest_silence_ms, 2000);
    }

    /// What goes wrong with a job; the second id is of one that nobody posted.
    type Change = fn(&mut Evidence, JobId, JobId);

    #[test]
    fn every_broken_promise_is_seen() {
        let id = JobId::new(Shard(0));
        let stranger = JobId::new(Shard(1));
        let table: [(Promise, Change); 11] = [
            (Promise::NotLost, |evidence, id, _| drop(evidence.hashes.remove(&id))),
            (Promise::Ends, |evidence, id, _| set(evidence, id, "status", "running")),
            (Promise::EndsOnce, |evidence, id, _| {
                let again = moves(&[(Status::Succeeded, 2, 1600, None)]);
                evidence.moves.get_mut(&id).unwrap().extend(again);
            }),
            (Promise::EndsOnce, |evidence, id, _| drop(evidence.moves.remove(&id))),
            (Promise::EndsOnce, |evidence, id, _| evidence.moves.get_mut(&id).unwrap()[2].status = Status::Failed),
            (Promise::EndsAsAsked, |evidence, _, _| evidence.posts.accepted[0].expected.status = Status::Failed),
            (Promise::RowsOnce, |evidence, id, _| set(evidence, id, "processed", r#"{"lease":1,"rows":2}"#)),
            (Promise::PostRepeatable, |evidence, _, other| evidence.posts.accepted[0].again = Some(other)),
            (Promise::NoStranger, |evidence, _, other| evidence.all.extend([other])),
            (Promise::Accepted, |evidence, _, _| evidence.posts.wronged.push("422".into())),
            (Promise::NothingElseEnds, |evidence, _, _| evidence.by_itself.push("host 2".into())),
        ];
        for (number, (promise, change)) in table.into_iter().enumerate() {
            let mut evidence = one(id);
            change(&mut evidence, id, stranger);
            assert_eq!(broken(&evidence), [promise], "case {number}");
        }
    }

    #[test]
    fn what_is_allowed_breaks_nothing() {
        let id = JobId::new(Shard(0));
        // Rows of an earlier run, a second run, quarantine.
        let mut evidence = one(id);
        set(&mut evidence, id, "processed", r#"{"lease":1,"rows":2}"#);
        set(&mut evidence, id, "lease", "3");
        let verdict = judge(1, Duration::ZERO, &evidence);
        assert!(verdict.broken.is_empty());
        assert_eq!(verdict.extra_runs, 2);
        set(&mut evidence, id, "status", "dead");
        set(&mut evidence, id, "crashes", "1");
        evidence.moves.get_mut(&id).unwrap()[2].status = Status::Dead;
        evidence.strikes = vec![Strike { kind: Kind::Sanjer, at_ms: 1400, until_ms: None, sanjers: vec![7] }];
        assert!(broken(&evidence).is_empty());
        // Nobody but itself is to blame for what nobody killed.
        set(&mut evidence, id, "crashes", "2");
        assert_eq!(broken(&evidence), [Promise::EndsAsAsked]);
    }

    #[test]
    fn a_cancel_holds() {
        let id = JobId::new(Shard(0));
        let cancelled = Status::Cancelled;
        // Whether it was cancelled at once and when, how it ended, whether that is allowed. It runs from 1010 on.
        for (at_once, at_ms, status, kept) in [
            (true, 1400, cancelled, true),
            (false, 1400, cancelled, true),
            (false, 1400, Status::Succeeded, true),
            (true, 1400, Status::Succeeded, false),
            (false, 1400, Status::Failed, false),
            (false, 1005, cancelled, false),
        ] {
            let mut evidence = one(id);
            evidence.posts.accepted[0].cancelled = Some(Cancelled { at_once, at_ms });
            set(&mut evidence, id, "status", status.as_str());
            evidence.moves.get_mut(&id).unwrap()[2].status = status;
            let expected: &[Promise] = if kept { &[] } else { &[Promise::CancelHolds] };
            assert_eq!(broken(&evidence), expected, "{at_once} {at_ms} {status}");
        }
    }

    #[test]
    fn what_redis_may_lose_is_said() {
        let id = JobId::new(Shard(0));
        let mut evidence = one(id);
        evidence.hashes.clear();
        for (after_ms, said) in [(50, true), (3500, false)] {
            let at_ms = created_ms(id) + after_ms;
            evidence.posts.accepted[0].at_ms = created_ms(id) + 20;
            evidence.strikes = vec![Strike { kind: Kind::Redis, at_ms, until_ms: None, sanjers: vec![] }];
            let broken = &judge(1, Duration::ZERO, &evidence).broken[0];
            assert_eq!((broken.redis_lost_it, broken.detail.contains("everysec")), (said, said), "{after_ms}");
        }
    }
}
