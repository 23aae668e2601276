//! Why a job does not run yet.

use serde::Serialize;
use serde_json::Value;

use super::{Now, PoolNow, State, Watch};
use crate::{
    broker::BrokerError,
    job::{Job, JobId, Status},
    queue::{Lane, keys},
};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names of the API, documented in openapi.yaml")]
pub struct Explanation {
    pub job_id: JobId,
    pub status: Status,
    pub summary: String,
    pub reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable, for machines; the words of `openapi.yaml`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// What a job's waiting depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// Its pool.
    pub pool: PoolNow,
    /// Its place in a queue: which, and how many come before it.
    pub place: Option<(Lane, u64)>,
    /// Now, ms since 1970.
    pub at_ms: u64,
}

impl Watch {
    /// What the waiting of a job depends on.
    pub async fn situation(&self, job: &Job) -> Result<Situation, BrokerError> {
        let mut places = redis::pipe();
        let shard = job.job_id.shard();
        for lane in [Lane::Queue, Lane::Alone] {
            let key = keys::named(shard, format_args!("{}:{}", lane.as_str(), job.pool));
            places.cmd("ZRANK").arg(key).arg(job.job_id);
        }
        let (queue, alone): (Option<u64>, Option<u64>) = self.queue.broker().pipeline(&places).await?;
        let Now { at_ms, mut pools, .. } = self.now(Some(&job.pool)).await?;
        let place = queue.map(|ahead| (Lane::Queue, ahead)).or(alone.map(|ahead| (Lane::Alone, ahead)));
        Ok(Situation { pool: pools.remove(&job.pool).unwrap_or_default(), place, at_ms })
    }
}

/// Every reason, the decisive one first.
pub fn explain(job: &Job, situation: &Situation) -> Explanation {
    let reasons = match job.status {
        status if status.is_terminal() => vec![finished(job)],
        Status::Running => vec![running(job)],
        status if status.is_delayed() => delayed(job, situation),
        _ => queued(job, situation),
    };
    let summary = summary(&reasons);
    let ahead = situation.place.map(|(_, ahead)| ahead).filter(|_| job.status == Status::Queued);
    Explanation { job_id: job.job_id, status: job.status, summary, reasons, ahead, due_at: job.due_at.clone() }
}

/// The first reason, and what makes it worse.
fn summary(reasons: &[Reason]) -> String {
    let first = reasons.first().map_or("", |reason| &reason.message);
    let busy = reasons.iter().skip(1).find(|reason| reason.code == "slots_busy");
    busy.map_or_else(|| first.to_owned(), |busy| format!("{first}, and {}", busy.message))
}

fn reason(code: &'static str, message: impl Into<String>) -> Reason {
    Reason { code, message: message.into() }
}

fn finished(job: &Job) -> Reason {
    let when = job.finished_at.as_deref().unwrap_or("an unknown time");
    reason("finished", format!("it has ended: {} at {when}", job.status))
}

fn running(job: &Job) -> Reason {
    let who = job.sanjer.as_deref().unwrap_or("a sanjer");
    if let Some(since) = &job.cancel_requested_at {
        return reason("stopping", format!("{who} was told at {since} to stop it"));
    }
    let since = job.started_at.as_deref().unwrap_or("an unknown time");
    reason("running", format!("it runs: {who} began attempt {} of it at {since}", job.attempt))
}

fn delayed(job: &Job, situation: &Situation) -> Vec<Reason> {
    let (due, is_due) = match job.due_at.as_deref().map(|due| (due, due.parse::<jiff::Timestamp>())) {
        Some((due, Ok(at))) => (due, u64::try_from(at.as_millisecond()).unwrap_or(0) <= situation.at_ms),
        _ => ("an unknown time", false),
    };
    let error = job.error.as_ref();
    let told = |name: &str| error.and_then(|error| error.get(name)).and_then(Value::as_str).unwrap_or("unknown");
    let waits = match job.status {
        Status::Retrying => reason(
            "retrying",
            format!(
                "attempt {} of {} failed ({}: {}); the next one is due at {due}",
                job.attempt.saturating_sub(1),
                job.max_attempts,
                told("code"),
                told("message")
            ),
        ),
        Status::Snoozed => reason("snoozed", format!("it asked to be run later ({}): at {due}", told("message"))),
        _ => reason("scheduled", format!("it shall not run before {due}")),
    };
    let nobody = nobody(&job.pool, &situation.pool);
    if !is_due {
        return [waits].into_iter().chain(nobody).collect();
    }
    // It is the sanjers of its pool that queue what is due.
    let due = reason("due", "its time has come: a sanjer queues it when it next looks for work");
    nobody.into_iter().chain([due, waits]).collect()
}

fn queued(job: &Job, situation: &Situation) -> Vec<Reason> {
    let Situation { pool, place, .. } = situation;
    let name = &job.pool;
    let mut reasons: Vec<Reason> = Vec::new();
    let (lane, ahead) = place.unwrap_or((Lane::Queue, 0));
    if lane == Lane::Alone {
        let one = "its process died while it ran others too, so it runs alone, in the spare process of its pool";
        reasons.push(match pool.of(State::Spare) {
            0 => reason("waits_for_spare", format!("{one}; there is none now")),
            _ => reason("waits_for_spare", one),
        });
    } else {
        reasons.extend(nobody(name, pool));
    }
    let served = reasons.is_empty();
    let others = if ahead == 1 { "1 other".to_owned() } else { format!("{ahead} others") };
    if ahead > 0 {
        reasons.push(reason("behind_others", format!("it waits behind {others} of pool {name}")));
    }
    if served && pool.slots > 0 && pool.running >= pool.slots {
        let words = match pool.slots {
            1 => format!("the only slot of pool {name} is busy"),
            slots => format!("all {slots} slots of pool {name} are busy"),
        };
        reasons.push(reason("slots_busy", words));
    }
    if reasons.is_empty() {
        reasons.push(reason("next", format!("it is the next one of pool {name}: a sanjer takes it in a moment")));
    }
    reasons
}

/// That nobody serves a pool, if so.
fn nobody(name: &str, pool: &PoolNow) -> Option<Reason> {
    if pool.of(State::Serving) > 0 {
        return None;
    }
    Some(match (pool.of(State::Quiet), pool.wanted) {
        (0, None | Some(0)) => reason(
            "unknown_pool",
            format!("no sanjer serves pool {name}, and no host that is up is configured to have one"),
        ),
        (0, Some(_)) => reason("no_sanjer", format!("no sanjer serves pool {name} now")),
        (1, _) => reason("sanjers_quiet", format!("pool {name} rests: its sanjer was told to take no jobs")),
        (n, _) => reason("sanjers_quiet", format!("pool {name} rests: its {n} sanjers were told to take no jobs")),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::job::Shard;

    fn job(fields: &[(&str, &str)]) -> Job {
        let basic = [
            ("platform_id", "noop"),
            ("pool", "light"),
            ("lease", "1"),
            ("attempt", "2"),
            ("max_attempts", "3"),
            ("created_at", "2026-11-20T22:00:00.000Z"),
            ("sanjer", "h:1:2"),
        ];
        let hash: HashMap<_, _> =
            basic.iter().chain(fields).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Job::from_hash(JobId::new(Shard(0)), hash).unwrap()
    }

    #[test]
    fn every_situation_has_its_reasons() {
        let none = PoolNow::default();
        let served = PoolNow { sanjers: [1, 1, 0, 0], slots: 64, running: 3, wanted: Some(1), ..none };
        let busy = PoolNow { running: 64, ..served };
        let quiet = PoolNow { sanjers: [0, 1, 1, 0], slots: 0, ..served };
        let gone = PoolNow { wanted: Some(2), ..none };
        let no_spare = PoolNow { sanjers: [1, 0, 0, 0], ..served };
        let (queue, alone) = (|n| Some((Lane::Queue, n)), |n| Some((Lane::Alone, n)));
        let error = ("error", r#"{"class":"transient","code":"gone","message":"away"}"#);
        let due = ("due_at", "2026-11-20T22:00:00.000Z");
        let (before, after) = (1_700_000_000_000, 1_900_000_000_000);
        for (fields, pool, place, at_ms, codes, words) in [
            (
                &[("status", "queued")][..],
                served,
                queue(0),
                0,
                &["next"][..],
                "it is the next one of pool light: a sanj",
            ),
            (&[("status", "queued")], served, queue(1), 0, &["behind_others"], "it waits behind 1 other of pool light"),
            (
                &[("status", "queued")],
                busy,
                queue(3),
                0,
                &["behind_others", "slots_busy"],
                "it waits behind 3 others of pool light, and all 64 slots of pool light are busy",
            ),
            (&[("status", "queued")], busy, queue(0), 0, &["slots_busy"], "all 64 slots"),
            (&[("status", "queued")], quiet, queue(0), 0, &["sanjers_quiet"], "pool light rests: its sanjer was"),
            (
                &[("status", "queued")],
                gone,
                queue(2),
                0,
                &["no_sanjer", "behind_others"],
                "no sanjer serves pool light now",
            ),
            (&[("status", "queued")], none, queue(0), 0, &["unknown_pool"], "no sanjer serves pool light, and no host"),
            (&[("status", "queued")], served, alone(0), 0, &["waits_for_spare"], "its process died"),
            (&[("status", "queued")], no_spare, alone(0), 0, &["waits_for_spare"], "its process died"),
            (&[("status", "queued")], served, None, 0, &["next"], "it is the next one"),
            (&[("status", "scheduled"), due], served, None, before, &["scheduled"], "it shall not run before 2026"),
            (&[("status", "scheduled"), due], served, None, after, &["due", "scheduled"], "its time has come"),
            (&[("status", "scheduled"), due], gone, None, after, &["no_sanjer", "due", "scheduled"], "no sanjer"),
            (
                &[("status", "retrying"), due, error],
                served,
                None,
                before,
                &["retrying"],
                "attempt 1 of 3 failed (gone: away)",
            ),
            (
                &[("status", "snoozed"), due, error],
                quiet,
                None,
                before,
                &["snoozed", "sanjers_quiet"],
                "it asked to be run later (away)",
            ),
            (&[("status", "running")], served, None, 0, &["running"], "it runs: h:1:2 began attempt 2"),
            (
                &[("status", "running"), ("cancel_requested_at", "2026-11-20T22:00:00.000Z")],
                served,
                None,
                0,
                &["stopping"],
                "h:1:2 was told at 2026",
            ),
            (&[("status", "dead")], served, None, 0, &["finished"], "it has ended: dead"),
        ] {
            let explanation = explain(&job(fields), &Situation { pool, place, at_ms });
            let told: Vec<_> = explanation.reasons.iter().map(|reason| reason.code).collect();
            assert_eq!(told, codes, "{fields:?}");
            assert!(explanation.summary.starts_with(words), "{}", explanation.summary);
            assert_eq!(explanation.ahead, place.map(|(_, ahead)| ahead));
        }
    }
}
