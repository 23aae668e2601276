//! Every combination of filters finds what a look at each job would find, however it is walked.

mod walks;
mod words;

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    list::EXAMINED,
    tests::{Bench, bench},
    *,
};
use crate::queue::{Claim, Finish, IdempotencyKey, Lane, NewJob, Submitted, keys};

pub(super) const LABELS: [&str; 3] = ["nightly", "night", "team:data/eu-1=x"];
pub(super) const CLIENTS: [&str; 4] = ["order-1", "order-11", "ördér \"[\\", "*?~"];
pub(super) const CODES: [&str; 3] = ["asked_to_fail", "asked", "io.timed-out"];

/// The nth of a few possibilities, the first of them being none.
fn pick(values: &[&str], n: usize) -> Option<String> {
    n.checked_rem(values.len() + 1).filter(|n| *n > 0).map(|n| values[n - 1].to_owned())
}

impl Bench {
    /// Queues `n` jobs of several kinds, evenly over the shards, in calls of 200.
    pub(super) async fn submit_kinds(&self, n: usize, label: Option<&str>) -> Vec<JobId> {
        let shards: Vec<Shard> = self.jobs.queue().shards().collect();
        let mut ids = Vec::new();
        for (place, shard) in shards.iter().enumerate() {
            let new = |n: usize| {
                let labels: Vec<String> = match label {
                    Some(label) => vec![label.to_owned()],
                    None => pick(&LABELS, n).into_iter().chain(pick(&["other"], n / 4)).collect(),
                };
                let options =
                    Options { labels, retention_s: (n.is_multiple_of(5)).then_some(3600), ..Options::default() };
                NewJob {
                    id: JobId::new(*shard),
                    client_id: pick(&CLIENTS, n / 2),
                    platform_id: ["noop", "of_another_build"][n % 2].into(),
                    // Where this build has it; jobs of other platforms may be anywhere.
                    pool: ["light", "light", "light", "heavy"][n % 4].into(),
                    priority: 0,
                    delay_ms: if n.is_multiple_of(7) { 3_600_000 } else { 0 },
                    settings: "{}".into(),
                    options: options.to_json(),
                    max_attempts: 3,
                }
            };
            let jobs: Vec<NewJob> = (place..n).step_by(shards.len()).map(new).collect();
            self.jobs.queue().submit(*shard, &jobs).await.unwrap();
            ids.extend(jobs.iter().map(|job| job.id));
        }
        ids
    }

    /// Claims `n` jobs of each shard and pool, and ends them in every way; some stay running.
    pub(super) async fn end_in_every_way(&self, n: usize) {
        let ways = [
            (Status::Succeeded, None),
            (Status::Failed, Some(CODES[0])),
            (Status::TimedOut, Some(CODES[1])),
            (Status::Cancelled, None),
            (Status::Dead, Some(CODES[2])),
            (Status::Retrying, Some(CODES[0])),
            (Status::Failed, Some("ill formed")),
        ];
        for shard in self.jobs.queue().shards() {
            self.jobs.queue().heartbeat(shard, "a", &[("pool", "light".to_owned())]).await.unwrap();
            for pool in ["light", "heavy"] {
                let claim = self.jobs.queue().claim(shard, "a", Lane::Queue, pool, n).await.unwrap();
                let Claim::Jobs { jobs: claimed, .. } = claim else { panic!("tombstoned") };
                let finishes: Vec<Finish> = claimed
                    .iter()
                    .zip(0..)
                    .filter_map(|(job, n)| {
                        let (status, code) = *ways.get(n % (ways.len() + 1))?;
                        let error = |code| json!({"class": "fatal", "code": code, "message": "m"}).to_string();
                        let json = code.map_or_else(|| "{}".to_owned(), error);
                        let own = job.options.as_ref().is_some_and(|options| options.contains("retention_s"));
                        let ms = match status {
                            Status::Retrying => 3_600_000,
                            Status::Succeeded if own => 3_600_000,
                            _ => 0,
                        };
                        // Who was cancelled has no error.
                        let json = if status == Status::Cancelled { String::new() } else { json };
                        Some(Finish { id: job.id, lease: job.lease, status, json, ms, plain: None })
                    })
                    .collect();
                self.jobs.queue().finish(shard, "a", &finishes).await.unwrap();
            }
        }
    }

    pub(super) async fn all_succeed(&self) {
        for (shard, pool) in self.jobs.queue().shards().flat_map(|shard| [(shard, "light"), (shard, "heavy")]) {
            loop {
                let claim = self.jobs.queue().claim(shard, "a", Lane::Queue, pool, 200).await.unwrap();
                let Claim::Jobs { jobs: claimed, .. } = claim else { panic!("tombstoned") };
                if claimed.is_empty() {
                    break;
                }
                let end = |job: &crate::queue::Claimed| Finish {
                    id: job.id,
                    lease: job.lease,
                    status: Status::Succeeded,
                    json: "{}".into(),
                    ms: 0,
                    plain: None,
                };
                let finishes: Vec<Finish> = claimed.iter().map(end).collect();
                self.jobs.queue().finish(shard, "a", &finishes).await.unwrap();
            }
        }
    }

    pub(super) async fn all(&self, ids: &[JobId]) -> Vec<Job> {
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.jobs.get(*id).await.unwrap());
        }
        all
    }

    /// Walks all pages; every job once.
    pub(super) async fn walk(&self, filter: &Filter, limit: usize) -> BTreeSet<JobId> {
        let (mut ids, mut cursor) = (BTreeSet::new(), None::<String>);
        loop {
            let page = self.jobs.list(filter, limit, cursor.as_deref()).await.unwrap();
            assert!(page.jobs.len() <= limit);
            for job in &page.jobs {
                assert!(ids.insert(job.job_id), "twice: {filter:?} {job:?}");
            }
            cursor = page.cursor;
            if cursor.is_none() {
                return ids;
            }
        }
    }

    /// Members of all indexes that are by name, beyond those of live jobs.
    pub(super) async fn keys(&self) -> Vec<String> {
        self.jobs.broker().query(redis::cmd("KEYS").arg("*")).await.unwrap()
    }
}

/// What a filter means, said once more and otherwise.
pub(super) fn is_meant(filter: &Filter, job: &Job) -> bool {
    let code = job.error.as_ref().map(|error| {
        let code = error["code"].as_str().unwrap();
        if code == "ill formed" { "other".to_owned() } else { code.to_owned() }
    });
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let (created, finished) = (time(&job.created_at), job.finished_at.as_deref().map(time));
    let wrong = [
        filter.status.is_some() && filter.status != Some(job.status),
        filter.platform.is_some() && filter.platform.as_ref() != Some(&job.platform_id),
        filter.pool.is_some() && filter.pool.as_ref() != Some(&job.pool),
        filter.label.as_ref().is_some_and(|label| !job.labels.contains(label)),
        filter.client_id.is_some() && filter.client_id != job.client_id,
        filter.error.is_some() && filter.error != code,
        filter.error.is_some() && filter.status.is_none() && !job.status.is_terminal(),
        filter.created_from.is_some_and(|from| created < from),
        filter.created_to.is_some_and(|to| created >= to),
        filter.finished_from.is_some_and(|from| finished.is_none_or(|time| time < from)),
        filter.finished_to.is_some_and(|to| finished.is_none_or(|time| time >= to)),
    ];
    !wrong.contains(&true)
}
