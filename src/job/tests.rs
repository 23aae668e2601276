//! Jobs against a real redis-server: accepted, read, listed and followed.

use std::{path::Path, sync::Arc};

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use super::*;
use crate::{
    broker::Scratch,
    config,
    platform::Tag,
    queue::{Claim, Claimed, Finish, Lane, NewJob, Said},
};

pub(super) struct Bench {
    pub(super) jobs: Jobs,
    _redis: Scratch,
    key: std::path::PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        std::fs::remove_file(&self.key).ok();
    }
}

pub(super) async fn bench(overrides: &[(&str, &str)]) -> Bench {
    let overrides = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let config = config::load(None::<&Path>, overrides).unwrap();
    let redis = Scratch::start().unwrap();
    let key = std::env::temp_dir().join(format!("collector-key-{:016x}", rand::random::<u64>()));
    let queue = Queue::new(redis.broker().await.unwrap(), &config);
    let jobs = Jobs::new(queue, Arc::new(Registry::load().unwrap()), Sealer::load(&key).unwrap(), &config);
    Bench { jobs, _redis: redis, key }
}

impl Bench {
    /// Jobs queued by one call a shard: all of a shard have the same score.
    async fn submit(&self, n: usize, delay_ms: u64) -> Vec<JobId> {
        let shards: Vec<Shard> = self.jobs.queue().shards().collect();
        let mut ids = Vec::new();
        for shard in &shards {
            let new = |_| NewJob {
                id: JobId::new(*shard),
                client_id: None,
                platform_id: "noop".into(),
                pool: "light".into(),
                priority: 0,
                delay_ms,
                settings: "{}".into(),
                options: "{}".into(),
                max_attempts: 3,
            };
            let jobs: Vec<NewJob> = (0..n / shards.len()).map(new).collect();
            self.jobs.queue().submit(*shard, &jobs).await.unwrap();
            ids.extend(jobs.iter().map(|job| job.id));
        }
        ids.sort_unstable();
        ids
    }

    async fn claim(&self, n: usize) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        for shard in self.jobs.queue().shards() {
            self.jobs.queue().heartbeat(shard, "a", &[("pool", "light".to_owned())]).await.unwrap();
            match self.jobs.queue().claim(shard, "a", Lane::Queue, "light", n).await.unwrap() {
                Claim::Jobs { jobs, .. } => claimed.extend(jobs),
                Claim::Tombstoned => panic!("tombstoned"),
            }
        }
        claimed
    }

    async fn finish(&self, job: &Claimed, status: Status) {
        let finish = Finish { id: job.id, lease: job.lease, status, json: "{}".into(), ms: 0, plain: None };
        self.jobs.queue().finish(job.id.shard(), "a", &[finish]).await.unwrap();
    }

    async fn said(&self, job: &Claimed, kind: &'static str, values: &[&str]) {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let said = Said { id: job.id, lease: job.lease, kind, values };
        self.jobs.queue().report(job.id.shard(), "a", rand::random(), &[said]).await.unwrap();
    }

    /// Gives members of an index of shard 0 the same score.
    async fn all_at_once(&self, index: &str, ids: &[JobId]) {
        let mut same = redis::cmd("ZADD");
        same.arg(crate::queue::keys::named(Shard(0), index));
        for id in ids {
            same.arg(1_763_679_600_000_u64).arg(id.to_string());
        }
        let _: u64 = self.jobs.broker().query(&same).await.unwrap();
    }

    /// Walks all pages.
    async fn list(&self, status: Option<Status>, platform: Option<&str>, limit: usize) -> Vec<JobId> {
        let filter = Filter { status, platform: platform.map(str::to_owned), ..Filter::default() };
        let (mut ids, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = self.jobs.list(&filter, limit, cursor.as_deref()).await.unwrap();
            assert!(page.jobs.len() <= limit);
            ids.extend(page.jobs.iter().map(|job| job.job_id));
            cursor = page.cursor;
            if cursor.is_none() {
                return ids;
            }
        }
    }
}

fn reversed(mut ids: Vec<JobId>) -> Vec<JobId> {
    ids.reverse();
    ids
}

#[tokio::test]
async fn lists_show_every_job_once_and_in_order() {
    let bench = bench(&[("queue.shards", "3")]).await;
    let queued = bench.submit(90, 0).await;
    let delayed = bench.submit(30, 60_000).await;
    let all = reversed(
        queued.iter().chain(&delayed).copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect(),
    );
    for limit in [1, 7, 200] {
        assert_eq!(bench.list(None, None, limit).await, all, "{limit}");
    }
    assert_eq!(bench.list(None, Some("noop"), 7).await, all);
    assert_eq!(bench.list(None, Some("other"), 7).await, []);
    for platform in [None, Some("noop")] {
        let mut listed = bench.list(Some(Status::Queued), platform, 7).await;
        listed.sort_unstable();
        assert_eq!(listed, queued, "{platform:?}");
        assert_eq!(bench.list(Some(Status::Scheduled), platform, 7).await.len(), delayed.len(), "{platform:?}");
        assert_eq!(bench.list(Some(Status::Retrying), platform, 7).await, []);
    }
    let running = bench.claim(4).await;
    let ids = |jobs: &[Claimed]| {
        let mut ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        ids.sort_unstable();
        reversed(ids)
    };
    assert_eq!(bench.list(Some(Status::Running), None, 5).await, ids(&running));
    let (ended, left) = running.split_at(7);
    for job in ended {
        bench.finish(job, Status::Succeeded).await;
        // Only jobs that finished in different milliseconds are known to be listed in that order.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(bench.list(Some(Status::Running), Some("noop"), 5).await, ids(left));
    for platform in [None, Some("noop")] {
        let last_first: Vec<JobId> = ended.iter().rev().map(|job| job.id).collect();
        assert_eq!(bench.list(Some(Status::Succeeded), platform, 2).await, last_first, "{platform:?}");
    }
    assert_eq!(bench.list(Some(Status::Failed), None, 2).await, []);
}

#[tokio::test]
async fn many_jobs_of_one_moment_are_paged() {
    let bench = bench(&[]).await;
    // All of one score, more of them than any page or piece.
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(bench.submit(200, 0).await);
    }
    bench.all_at_once("queue:light", &ids).await;
    ids.sort_unstable();
    assert_eq!(bench.list(Some(Status::Queued), None, 50).await, ids);
    // The platform's index is small enough to look each up; the order is the same.
    assert_eq!(bench.list(Some(Status::Queued), Some("noop"), 50).await, ids);

    for _ in 0..3 {
        for job in bench.claim(200).await {
            bench.finish(&job, Status::Failed).await;
        }
    }
    bench.all_at_once("done:noop:failed:2592000000", &ids).await;
    let ids = reversed(ids);
    for platform in [None, Some("noop")] {
        assert_eq!(bench.list(Some(Status::Failed), platform, 50).await, ids, "{platform:?}");
    }
}

#[tokio::test]
async fn a_task_spec_becomes_a_job_and_a_key_names_it() {
    let bench = bench(&[("queue.shards", "4")]).await;
    let body =
        br#"{"_id": "mine", "platform_id": "noop", "settings": {"secret": "sesame"}, "options": {"priority": 3}}"#;
    let first = bench.jobs.submit(body, Some("key")).await.unwrap();
    let again = bench.jobs.submit(body, Some("key")).await.unwrap();
    assert_eq!((again.job_id, first.replayed, again.replayed), (first.job_id, false, true));
    let other = bench.jobs.submit(br#"{"platform_id": "noop"}"#, Some("key")).await;
    assert!(matches!(other, Err(Refusal::KeyReused)), "{other:?}");
    let job = bench.jobs.get(first.job_id).await.unwrap().unwrap();
    let shown = serde_json::to_value(&job).unwrap();
    assert_eq!((&shown["_id"], &shown["priority"], &shown["status"]), (&json!("mine"), &json!(3), &json!("queued")));
    assert_eq!((&shown["settings"]["secret"], &shown["options"]), (&json!("••••"), &json!({"priority": 3})));
    assert_eq!(bench.list(None, None, 50).await, [first.job_id]);
    assert_eq!(bench.jobs.get(JobId::new(Shard(0))).await.unwrap(), None);
}

#[tokio::test]
async fn rows_are_read_in_pieces_and_never_of_another_run() {
    let bench = bench(&[]).await;
    let id = bench.submit(1, 0).await[0];
    let claimed = bench.claim(1).await.remove(0);
    let row = json!({"text": "x".repeat(100_000)}).to_string();
    bench.said(&claimed, "processed", &[row.as_str(); 7]).await;
    let job = bench.jobs.get(id).await.unwrap().unwrap();
    let pieces: Vec<Vec<String>> = bench.jobs.rows(id, Tag::Processed, job.beside).try_collect().await.unwrap();
    assert!(pieces.len() > 1 && pieces.concat() == vec![row; 7], "{} pieces", pieces.len());
    // The next run begins anew while somebody reads the rows of the last one.
    bench.finish(&claimed, Status::Queued).await;
    let next = bench.claim(1).await.remove(0);
    assert_eq!(bench.jobs.get(id).await.unwrap().unwrap().beside.processed, Rows::default());
    bench.said(&next, "processed", &["1"]).await;
    let broken: Result<Vec<_>, _> = bench.jobs.rows(id, Tag::Processed, job.beside).try_collect().await;
    assert!(matches!(broken, Err(ReadError::Replaced { .. })), "{broken:?}");
}

/// What a follower is told until its stream ends or `n` were told.
async fn told(follower: &mut Follower, n: usize) -> Vec<Told> {
    let mut all = Vec::new();
    while all.len() < n
        && let Some(told) = follower.next().await.unwrap()
    {
        all.push(told);
    }
    all
}

fn names(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| told.name.as_str()).collect()
}

#[tokio::test]
async fn a_follower_is_told_everything_until_the_end() {
    let bench = bench(&[]).await;
    let id = bench.submit(1, 0).await[0];
    let mut follower = bench.jobs.follow(id, None).await.unwrap().unwrap();
    let claimed = bench.claim(1).await.remove(0);
    bench.said(&claimed, "progress", &["0.5", "half", r#"{"type":"progress","progress":0.5,"message":"half"}"#]).await;
    bench.said(&claimed, "log", &[r#"{"type":"log","at":"2026-11-20T22:00:00.000Z","line":"x"}"#]).await;
    bench.finish(&claimed, Status::Succeeded).await;
    let all = told(&mut follower, 100).await;
    assert_eq!(names(&all), ["snapshot", "status", "progress", "log", "status", "end"]);
    let end: Value = serde_json::from_str(&all[5].data).unwrap();
    assert_eq!(end, json!({"status": "succeeded"}));

    // From any place on: the rest, or a new look when there is none.
    for (place, rest) in [(0, 1), (2, 3), (3, 4)] {
        let mut later = bench.jobs.follow(id, Some(all[place].id)).await.unwrap().unwrap();
        assert_eq!(told(&mut later, 100).await, all[rest..], "after {place}");
    }
    let mut late = bench.jobs.follow(id, Some(all[4].id)).await.unwrap().unwrap();
    assert_eq!(names(&told(&mut late, 100).await), ["reset", "end"]);
    let trimmed = "0.1-0.0".parse().unwrap();
    let mut lost = bench.jobs.follow(id, Some(trimmed)).await.unwrap().unwrap();
    assert_eq!(names(&told(&mut lost, 100).await), ["reset", "end"]);
    assert!(bench.jobs.follow(JobId::new(Shard(0)), None).await.unwrap().is_none());
}

#[tokio::test]
async fn a_slow_follower_loses_steps_but_not_the_end() {
    let bench = bench(&[]).await;
    let id = bench.submit(1, 0).await[0];
    let mut slow = bench.jobs.follow(id, None).await.unwrap().unwrap();
    let mut quick = bench.jobs.follow(id, None).await.unwrap().unwrap();
    let claimed = bench.claim(1).await.remove(0);
    let line = r#"{"type":"log","at":"2026-11-20T22:00:00.000Z","line":"x"}"#;
    let mut heard = told(&mut quick, 2).await.len();
    for _ in 0..10 {
        bench.said(&claimed, "log", &[line; 100]).await;
        heard += told(&mut quick, 100).await.len();
    }
    bench.finish(&claimed, Status::Failed).await;
    heard += told(&mut quick, 2).await.len();
    assert_eq!(heard, 1004, "who keeps up hears everything");
    let all = told(&mut slow, 2000).await;
    let names = names(&all);
    assert!(names.len() < 1004 && names.ends_with(&["reset", "end"]), "{} {:?}", names.len(), names.last());
}
