//! The arrows of the state machine against a real redis-server.

use std::{collections::HashMap, path::PathBuf};

use super::*;
use crate::{
    broker::{Broker, Scratch},
    config::{self, Config},
    job::{JobId, Shard, Status},
};

const SHARD: Shard = Shard(0);

struct Bench {
    queue: Queue,
    broker: Broker,
    _redis: Scratch,
}

fn config(overrides: &[(&str, &str)]) -> Config {
    let overrides = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    config::load(None::<&PathBuf>.map(PathBuf::as_path), overrides).unwrap()
}

async fn bench(overrides: &[(&str, &str)]) -> Bench {
    let redis = Scratch::start().unwrap();
    let broker = redis.broker().await.unwrap();
    Bench { queue: Queue::new(broker.clone(), &config(overrides)), broker, _redis: redis }
}

fn new_job() -> NewJob {
    NewJob {
        id: JobId::new(SHARD),
        client_id: None,
        platform_id: "noop".into(),
        pool: "light".into(),
        priority: 0,
        delay_ms: 0,
        settings: "{}".into(),
        options: "{}".into(),
        max_attempts: 3,
    }
}

fn death(sanjer: &str, blame: Blame) -> Death {
    let error = r#"{"class":"crash"}"#.into();
    Death { sanjer: sanjer.into(), blame, error, certificate: r#"{"cause":"signal 9"}"#.into() }
}

impl Bench {
    async fn submit(&self, job: NewJob) -> JobId {
        let id = job.id;
        self.queue.submit(SHARD, &[job]).await.unwrap();
        id
    }

    async fn claim(&self, sanjer: &str, lane: Lane, n: usize) -> Vec<Claimed> {
        match self.queue.claim(SHARD, sanjer, lane, "light", n).await.unwrap() {
            Claim::Jobs { jobs, .. } => jobs,
            Claim::Tombstoned => panic!("{sanjer} is tombstoned"),
        }
    }

    async fn finish(&self, sanjer: &str, id: JobId, lease: u64, status: Status) -> Written {
        let finish = Finish { id, lease, status, json: "{}".into(), ms: 0, plain: None };
        self.queue.finish(SHARD, sanjer, &[finish]).await.unwrap()[0]
    }

    async fn field(&self, id: JobId, name: &str) -> String {
        let value: Option<String> = self.broker.query(redis::cmd("HGET").arg(keys::job(id)).arg(name)).await.unwrap();
        value.unwrap_or_default()
    }

    async fn count(&self, command: &str, name: &str) -> u64 {
        self.broker.query(redis::cmd(command).arg(keys::named(SHARD, name))).await.unwrap()
    }
}

#[tokio::test]
async fn a_job_goes_its_way_and_reads_like_a_page() {
    let bench = bench(&[]).await;
    let id = bench.submit(NewJob { client_id: Some("mine".into()), ..new_job() }).await;
    assert_eq!(bench.field(id, "status").await, "queued");
    let claimed = bench.claim("a", Lane::Queue, 5).await;
    assert_eq!((claimed.len(), claimed[0].id, claimed[0].lease, claimed[0].attempt), (1, id, 1, 1));
    assert_eq!(bench.field(id, "status").await, "running");
    assert_eq!(bench.finish("a", id, 1, Status::Succeeded).await, Written::Now);

    let hash: HashMap<String, String> = bench.broker.query(redis::cmd("HGETALL").arg(keys::job(id))).await.unwrap();
    for (field, value) in [("status", "succeeded"), ("_id", "mine"), ("lease", "1"), ("result", "{}")] {
        assert_eq!(hash.get(field).map(String::as_str), Some(value), "{field}");
    }
    for time in ["created_at", "queued_at", "started_at", "finished_at", "expires_at"] {
        let parsed: Result<jiff::Timestamp, _> = hash[time].parse();
        assert!(parsed.is_ok() && hash[time].len() == 24 && hash[time].ends_with('Z'), "{time} {}", hash[time]);
    }
    assert_eq!(bench.count("SCARD", "held:a").await, 0);
    assert_eq!(bench.count("ZCARD", "done:noop:succeeded:604800000").await, 1);
}

#[tokio::test]
async fn priority_then_age() {
    let bench = bench(&[("queue.priority_window", "1m")]).await;
    let first = bench.submit(new_job()).await;
    let second = bench.submit(new_job()).await;
    let urgent = bench.submit(NewJob { priority: 9, ..new_job() }).await;
    let order: Vec<JobId> = bench.claim("a", Lane::Queue, 10).await.into_iter().map(|job| job.id).collect();
    assert_eq!(order, [urgent, first, second]);
}

#[tokio::test]
async fn a_hand_back_keeps_its_place_and_its_attempt() {
    let bench = bench(&[]).await;
    let first = bench.submit(new_job()).await;
    let second = bench.submit(new_job()).await;
    assert_eq!(bench.claim("a", Lane::Queue, 1).await[0].id, first);
    assert_eq!(bench.finish("a", first, 1, Status::Queued).await, Written::Now);
    let again = bench.claim("b", Lane::Queue, 2).await;
    assert_eq!((again[0].id, again[0].lease, again[0].attempt, again[1].id), (first, 2, 1, second));
}

#[tokio::test]
async fn a_hand_back_keeps_the_place_of_a_job_that_was_due_long_ago() {
    let bench = bench(&[]).await;
    let due = bench.submit(NewJob { delay_ms: 1, ..new_job() }).await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let later = bench.submit(new_job()).await;
    assert_eq!(bench.claim("a", Lane::Queue, 1).await[0].id, due, "it was due before");
    assert_eq!(bench.finish("a", due, 1, Status::Queued).await, Written::Now);
    let again = bench.claim("b", Lane::Queue, 2).await;
    assert_eq!((again[0].id, again[1].id), (due, later));
}

#[tokio::test]
async fn a_plain_success_is_fenced_like_any_other_and_brings_nothing_back() {
    let bench = bench(&[]).await;
    let plain = |id, lease| Finish {
        plain: Some(Plain { platform_id: "noop".into(), attempt: 1 }),
        ..Finish { id, lease, status: Status::Succeeded, json: "{}".into(), ms: 0, plain: None }
    };
    let (id, deleted) = (bench.submit(new_job()).await, bench.submit(new_job()).await);
    bench.claim("a", Lane::Queue, 2).await;
    let () = bench.broker.query(redis::cmd("DEL").arg(keys::job(deleted))).await.unwrap();
    let ends = [plain(id, 2), plain(id, 1), plain(deleted, 1)];
    let written = bench.queue.finish(SHARD, "a", &ends).await.unwrap();
    assert_eq!(written, [Written::Refused, Written::Now, Written::Refused]);
    assert_eq!(bench.queue.finish(SHARD, "a", &ends[1..2]).await.unwrap(), [Written::Before]);
    assert_eq!(bench.queue.finish(SHARD, "b", &ends[1..2]).await.unwrap(), [Written::Refused]);
    assert_eq!(
        (bench.field(id, "status").await, bench.field(deleted, "status").await),
        ("succeeded".into(), String::new())
    );
    assert_eq!(bench.count("SCARD", "held:a").await, 0);
    assert_eq!(bench.count("ZCARD", "done:noop:succeeded:604800000").await, 1);
}

#[tokio::test]
async fn whose_end_was_asked_for_is_cancelled_unless_it_succeeded() {
    let bench = bench(&[]).await;
    for (status, becomes) in [
        (Status::Failed, "cancelled"),
        (Status::TimedOut, "cancelled"),
        (Status::Retrying, "cancelled"),
        (Status::Succeeded, "succeeded"),
    ] {
        let id = bench.submit(new_job()).await;
        bench.claim("a", Lane::Queue, 1).await;
        bench.queue.cancel(id).await.unwrap();
        assert_eq!(bench.finish("a", id, 1, status).await, Written::Now);
        assert_eq!(bench.field(id, "status").await, becomes, "{status}");
        assert_eq!(bench.field(id, "error").await, "", "{status}");
    }
}

#[tokio::test]
async fn an_old_lease_writes_nothing() {
    let bench = bench(&[]).await;
    let id = bench.submit(new_job()).await;
    bench.claim("a", Lane::Queue, 1).await;
    assert_eq!(bench.queue.release(SHARD, &death("a", Blame::Nobody)).await.unwrap(), 1);
    bench.claim("b", Lane::Queue, 1).await;
    let said = |lease| Said { id, lease, kind: "progress", values: vec!["0.5".into(), "half".into(), "{}".into()] };
    assert_eq!(bench.queue.report(SHARD, "b", 1, &[said(1), said(2)]).await.unwrap(), [Written::Refused, Written::Now]);
    assert_eq!(bench.finish("a", id, 1, Status::Succeeded).await, Written::Refused);
    assert_eq!(bench.finish("b", id, 2, Status::Failed).await, Written::Now);
    assert_eq!(bench.finish("b", id, 2, Status::Failed).await, Written::Before, "repeating is told apart");
    assert_eq!(bench.finish("b", id, 2, Status::Succeeded).await, Written::Refused, "a terminal status is final");
    assert_eq!(bench.field(id, "message").await, "half");
    let refused: u64 =
        bench.broker.query(redis::cmd("HGET").arg(keys::named(SHARD, "counters")).arg("refused_writes")).await.unwrap();
    assert_eq!(refused, 3);
}

#[tokio::test]
async fn a_lease_that_was_forgotten_and_given_again_is_not_the_first() {
    let bench = bench(&[]).await;
    let id = bench.submit(new_job()).await;
    bench.claim("a", Lane::Queue, 1).await;
    // As if a replica had taken over that knew nothing of the claim yet.
    let mut forget = redis::pipe();
    forget.hset(keys::job(id), "status", "queued").hset(keys::job(id), "lease", 0).hdel(keys::job(id), "sanjer");
    forget.zadd(keys::named(SHARD, "queue:light"), id.to_string(), 0).del(keys::named(SHARD, "held:a"));
    bench.broker.pipeline::<()>(&forget).await.unwrap();
    assert_eq!(bench.claim("b", Lane::Queue, 1).await[0].lease, 1);
    let said = Said { id, lease: 1, kind: "log", values: vec!["{}".into()] };
    assert_eq!(bench.queue.report(SHARD, "a", 1, std::slice::from_ref(&said)).await.unwrap(), [Written::Refused]);
    assert_eq!(bench.queue.report(SHARD, "b", 1, &[said]).await.unwrap(), [Written::Now]);
    assert_eq!(bench.finish("a", id, 1, Status::Succeeded).await, Written::Refused);
    assert_eq!(bench.finish("b", id, 1, Status::Succeeded).await, Written::Now);
    assert_eq!(bench.count("SCARD", "held:b").await, 0);
    assert_eq!(bench.finish("a", id, 1, Status::Succeeded).await, Written::Refused, "its end is not a repetition");
}

#[tokio::test]
async fn the_dead_claim_nothing() {
    let bench = bench(&[]).await;
    bench.submit(new_job()).await;
    bench.queue.release(SHARD, &death("a", Blame::Nobody)).await.unwrap();
    assert!(matches!(bench.queue.claim(SHARD, "a", Lane::Queue, "light", 1).await.unwrap(), Claim::Tombstoned));
    assert_eq!(bench.queue.heartbeat(SHARD, "a", &[]).await.unwrap(), None);
    assert_eq!(bench.claim("b", Lane::Queue, 1).await.len(), 1);
}

#[tokio::test]
async fn suspects_run_alone_and_only_then_are_blamed() {
    let bench = bench(&[("queue.max_crashes", "2")]).await;
    let id = bench.submit(new_job()).await;
    bench.claim("shared", Lane::Queue, 64).await;
    bench.queue.release(SHARD, &death("shared", Blame::Suspects)).await.unwrap();
    assert!(bench.claim("other", Lane::Queue, 64).await.is_empty(), "a suspect never runs beside others");
    for (crash, status) in [(1, "queued"), (2, "dead")] {
        let sanjer = format!("spare{crash}");
        assert_eq!(bench.claim(&sanjer, Lane::Alone, 1).await[0].id, id);
        bench.queue.release(SHARD, &death(&sanjer, Blame::Alone)).await.unwrap();
        assert_eq!(bench.field(id, "crashes").await, crash.to_string());
        assert_eq!(bench.field(id, "status").await, status);
    }
    assert_eq!(bench.field(id, "error").await, r#"{"class":"crash"}"#);
    assert_eq!(bench.field(id, "attempt").await, "1", "a crash costs no attempt");
}

#[tokio::test]
async fn retries_and_snoozes_wait_and_come_back() {
    let bench = bench(&[]).await;
    let id = bench.submit(new_job()).await;
    for (lease, status, attempt) in [(1, Status::Retrying, "2"), (2, Status::Snoozed, "2")] {
        assert_eq!(bench.claim("a", Lane::Queue, 1).await[0].lease, lease);
        assert_eq!(bench.finish("a", id, lease, status).await, Written::Now);
        assert_eq!(bench.field(id, "attempt").await, attempt);
    }
    assert_eq!(bench.claim("a", Lane::Queue, 1).await[0].id, id);
}

#[tokio::test]
async fn scheduled_jobs_wait_for_their_time() {
    let bench = bench(&[]).await;
    let id = bench.submit(NewJob { delay_ms: 60_000, ..new_job() }).await;
    assert_eq!(bench.field(id, "status").await, "scheduled");
    match bench.queue.claim(SHARD, "a", Lane::Queue, "light", 5).await.unwrap() {
        Claim::Jobs { jobs, due: Some(due), .. } => {
            assert!(jobs.is_empty() && (59_000..=60_000).contains(&due), "{due}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lost_claim_is_given_back() {
    let bench = bench(&[]).await;
    let known = bench.submit(new_job()).await;
    let lost = bench.submit(new_job()).await;
    bench.claim("a", Lane::Queue, 2).await;
    assert_eq!(bench.queue.disown(SHARD, "a", &[known]).await.unwrap(), 1);
    assert_eq!(bench.field(lost, "status").await, "queued");
    assert_eq!(bench.field(known, "status").await, "running");
}

#[tokio::test]
async fn a_key_names_one_job() {
    let bench = bench(&[]).await;
    let key = IdempotencyKey { name: "k".into(), body: "b1".into() };
    let first = new_job();
    assert_eq!(bench.queue.submit_once(first.clone(), Some(&key), None).await.unwrap(), Submitted::New);
    let known = Submitted::Known { job_id: first.id.to_string(), body: "b1".into() };
    assert_eq!(bench.queue.submit_once(new_job(), Some(&key), None).await.unwrap(), known);
    assert_eq!(bench.count("ZCARD", "queue:light").await, 1);
}

#[tokio::test]
async fn what_is_over_leaves_nothing() {
    let bench = bench(&[]).await;
    let id = bench.submit(new_job()).await;
    bench.claim("a", Lane::Queue, 1).await;
    let rows = Said { id, lease: 1, kind: "processed", values: vec!["{}".into(); 3] };
    let log = Said { id, lease: 1, kind: "log", values: vec![r#"{"type":"log"}"#.into()] };
    bench.queue.report(SHARD, "a", 1, &[rows, log]).await.unwrap();
    let count: serde_json::Value = serde_json::from_str(&bench.field(id, "processed").await).unwrap();
    assert_eq!(count, serde_json::json!({"lease": 1, "rows": 3, "kept": 3, "bytes": 6}));
    bench.finish("a", id, 1, Status::Succeeded).await;
    bench.queue.clean(SHARD).await.unwrap();
    assert_eq!(bench.field(id, "status").await, "succeeded", "its time is not over");
    let mut over = redis::cmd("ZADD");
    bench
        .broker
        .query::<()>(over.arg(keys::named(SHARD, "done:noop:succeeded:604800000")).arg(1).arg(id.to_string()))
        .await
        .unwrap();
    bench.queue.clean(SHARD).await.unwrap();
    let keys: Vec<String> = bench.broker.query(redis::cmd("KEYS").arg("*")).await.unwrap();
    let left: Vec<&String> = keys
        .iter()
        .filter(|key| {
            !key.ends_with("events")
                && !key.ends_with("platforms")
                && !key.ends_with("counters")
                && !key.contains("hungry")
                && !key.contains("sanjer")
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_repeated_report_is_written_once() {
    let bench = bench(&[]).await;
    let id = bench.submit(new_job()).await;
    bench.claim("a", Lane::Queue, 1).await;
    let said = [
        Said { id, lease: 1, kind: "processed", values: vec!["{}".into(); 3] },
        Said { id, lease: 1, kind: "log", values: vec![r#"{"type":"log"}"#.into()] },
        Said { id, lease: 9, kind: "log", values: vec![r#"{"type":"log"}"#.into()] },
    ];
    for number in [1, 1, 2] {
        let written = bench.queue.report(SHARD, "a", number, &said).await.unwrap();
        assert_eq!(written, [Written::Now, Written::Now, Written::Refused], "call {number}");
    }
    let count: serde_json::Value = serde_json::from_str(&bench.field(id, "processed").await).unwrap();
    assert_eq!((&count["rows"], bench.field(id, "log_lines").await.as_str()), (&serde_json::json!(6), "2"));
    // The last words of the dead leave nothing behind.
    bench.queue.release(SHARD, &death("a", Blame::Nobody)).await.unwrap();
    bench.queue.report(SHARD, "a", 3, &said).await.unwrap();
    assert_eq!(bench.count("EXISTS", "sanjer:a").await, 0);
}

#[tokio::test]
async fn a_dataset_is_cut_loudly_and_starts_anew_with_a_lease() {
    let bench = bench(&[("jobs.max_dataset", "10B")]).await;
    let id = bench.submit(new_job()).await;
    bench.claim("a", Lane::Queue, 1).await;
    let rows = |lease| Said { id, lease, kind: "original", values: vec!["[1,2]".into(); 3] };
    bench.queue.report(SHARD, "a", 1, &[rows(1)]).await.unwrap();
    let count: serde_json::Value = serde_json::from_str(&bench.field(id, "original").await).unwrap();
    assert_eq!(count, serde_json::json!({"lease": 1, "rows": 3, "kept": 2, "bytes": 10}));
    bench.finish("a", id, 1, Status::Queued).await;
    bench.claim("a", Lane::Queue, 1).await;
    bench.queue.report(SHARD, "a", 2, &[rows(2)]).await.unwrap();
    let list: Vec<String> = bench
        .broker
        .query(redis::cmd("LRANGE").arg(format!("{}:original", keys::job(id))).arg(0).arg(-1))
        .await
        .unwrap();
    assert_eq!(list.len(), 2);
}

#[tokio::test]
async fn jobs_submitted_at_once_are_all_recorded() {
    let bench = bench(&[("queue.shards", "2")]).await;
    let submitter = Submitter::start(&bench.queue);
    // One is larger than what a call may carry beside others.
    let mut jobs: Vec<NewJob> = (0..500).map(|n| NewJob { id: JobId::new(Shard(n % 2)), ..new_job() }).collect();
    jobs[250].settings = serde_json::json!({"padding": "x".repeat(2 << 20)}).to_string();
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let answers = futures_util::future::join_all(jobs.into_iter().map(|job| submitter.submit(job))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    for id in ids {
        assert_eq!(bench.field(id, "status").await, "queued");
    }
    assert_eq!(bench.count("ZCARD", "queue:light").await, 250);
}

#[tokio::test]
async fn whoever_submits_while_redis_is_away_is_told() {
    let bench = bench(&[]).await;
    let submitter = Submitter::start(&bench.queue);
    let Bench { _redis: redis, .. } = bench;
    drop(redis);
    let answers = futures_util::future::join_all((0..20).map(|_| submitter.submit(new_job()))).await;
    let is_told =
        |result: &Result<(), crate::broker::BrokerError>| matches!(result, Err(error) if error.is_unavailable());
    assert!(answers.iter().all(is_told), "{answers:?}");
}
