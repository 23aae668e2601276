//! Every combination of filters finds what a look at each job would find, however it is walked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{
    list::EXAMINED,
    tests::{Bench, bench},
    *,
};
use crate::queue::{Claim, Finish, IdempotencyKey, Lane, NewJob, Submitted, keys};

const LABELS: [&str; 3] = ["nightly", "night", "team:data/eu-1=x"];
const CLIENTS: [&str; 4] = ["order-1", "order-11", "ördér \"[\\", "*?~"];
const CODES: [&str; 3] = ["asked_to_fail", "asked", "io.timed-out"];

/// The nth of a few possibilities, the first of them being none.
fn pick(values: &[&str], n: usize) -> Option<String> {
    n.checked_rem(values.len() + 1).filter(|n| *n > 0).map(|n| values[n - 1].to_owned())
}

impl Bench {
    /// Queues `n` jobs of several kinds, evenly over the shards, in calls of 200.
    async fn submit_kinds(&self, n: usize, label: Option<&str>) -> Vec<JobId> {
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
    async fn end_in_every_way(&self, n: usize) {
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
                let Claim::Jobs(claimed, _) = claim else { panic!("tombstoned") };
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
                        Some(Finish { id: job.id, lease: job.lease, status, json, ms })
                    })
                    .collect();
                self.jobs.queue().finish(shard, "a", &finishes).await.unwrap();
            }
        }
    }

    async fn all_succeed(&self) {
        for (shard, pool) in self.jobs.queue().shards().flat_map(|shard| [(shard, "light"), (shard, "heavy")]) {
            loop {
                let claim = self.jobs.queue().claim(shard, "a", Lane::Queue, pool, 200).await.unwrap();
                let Claim::Jobs(claimed, _) = claim else { panic!("tombstoned") };
                if claimed.is_empty() {
                    break;
                }
                let end = |job: &crate::queue::Claimed| Finish {
                    id: job.id,
                    lease: job.lease,
                    status: Status::Succeeded,
                    json: "{}".into(),
                    ms: 0,
                };
                let finishes: Vec<Finish> = claimed.iter().map(end).collect();
                self.jobs.queue().finish(shard, "a", &finishes).await.unwrap();
            }
        }
    }

    async fn all(&self, ids: &[JobId]) -> Vec<Job> {
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.jobs.get(*id).await.unwrap());
        }
        all
    }

    /// Walks all pages; every job once.
    async fn walk(&self, filter: &Filter, limit: usize) -> BTreeSet<JobId> {
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
    async fn keys(&self) -> Vec<String> {
        self.jobs.broker().query(redis::cmd("KEYS").arg("*")).await.unwrap()
    }
}

/// What a filter means, said once more and otherwise.
fn is_meant(filter: &Filter, job: &Job) -> bool {
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

#[tokio::test]
async fn every_combination_of_filters_finds_what_it_means() {
    let bench = bench(&[("queue.shards", "3")]).await;
    let mut ids = bench.submit_kinds(150, None).await;
    bench.end_in_every_way(12).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    ids.extend(bench.submit_kinds(150, None).await);
    bench.end_in_every_way(10).await;
    let jobs = bench.all(&ids).await;
    assert_eq!(jobs.len(), 300);
    let mut created: Vec<&String> = jobs.iter().map(|job| &job.created_at).collect();
    let mut finished: Vec<&String> = jobs.iter().filter_map(|job| job.finished_at.as_ref()).collect();
    created.sort();
    finished.sort();
    let middle = |times: &[&String]| Some(times[times.len() / 2].parse::<jiff::Timestamp>().unwrap());
    let (created, finished) = (middle(&created), middle(&finished));

    let statuses: Vec<Option<Status>> = Status::ALL.into_iter().map(Some).chain([None; 8]).collect();
    let mut found_any = 0;
    // Not all of some hundred thousand combinations: the same few thousand of them every time.
    let mut state = 1_u64;
    let mut roll = |of: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 40).unwrap() % of
    };
    for n in 0..1500_usize {
        let window = |n: usize, at: Option<jiff::Timestamp>| match n {
            0 => (at, None),
            1 => (None, at),
            2 => (at, at),
            _ => (None, None),
        };
        let (created_from, created_to) = window(roll(9), created);
        let (finished_from, finished_to) = window(roll(12), finished);
        let mut some = |values: &[&str]| {
            let n = roll(3 * values.len());
            values.get(n).map(|value| (*value).to_owned())
        };
        let filter = Filter {
            platform: some(&["noop", "of_another_build"]),
            pool: some(&["light", "heavy"]),
            label: some(&["nightly", "night", "none"]),
            client_id: some(&[CLIENTS[0], CLIENTS[2], "order"]),
            error: some(&[CODES[0], CODES[1], "other", "none"]),
            status: statuses[roll(statuses.len())],
            created_from,
            created_to,
            finished_from,
            finished_to,
            before: None,
        };
        let meant: BTreeSet<JobId> = jobs.iter().filter(|job| is_meant(&filter, job)).map(|job| job.job_id).collect();
        assert_eq!(bench.walk(&filter, [7, 50, 200][n % 3]).await, meant, "{filter:?}");
        let total = bench.jobs.total(&filter).await.unwrap();
        assert_eq!(total, Total { count: meant.len(), exact: true }, "{filter:?}");
        found_any += usize::from(!meant.is_empty());
    }
    assert!(found_any > 300, "only {found_any} filters found anything");
}

#[tokio::test]
async fn what_is_beyond_a_look_is_walked_page_by_page() {
    let bench = bench(&[("queue.shards", "2")]).await;
    let few = bench.submit_kinds(900, None).await;
    let many = bench.submit_kinds(3 * EXAMINED, Some("many")).await;
    for _ in 0..16 {
        bench.end_in_every_way(200).await;
    }
    let jobs = bench.all(&[few, many].concat()).await;
    let filter = |status: Option<Status>, label: &str| Filter {
        status,
        label: Some(label.to_owned()),
        platform: Some("noop".into()),
        ..Filter::default()
    };
    for status in [None, Some(Status::Succeeded), Some(Status::Failed), Some(Status::Scheduled), Some(Status::Running)]
    {
        for label in ["many", "night"] {
            let filter = filter(status, label);
            let meant: BTreeSet<JobId> =
                jobs.iter().filter(|job| is_meant(&filter, job)).map(|job| job.job_id).collect();
            assert!(!meant.is_empty());
            for limit in [50, 200] {
                assert!(bench.walk(&filter, limit).await == meant, "{status:?} {label}");
            }
            let total = bench.jobs.total(&filter).await.unwrap();
            assert!(if total.exact { total.count == meant.len() } else { total.count <= meant.len() }, "{total:?}");
        }
    }
    // The label's jobs are fewer than those that succeeded, and too many to be put into order.
    let succeeded = Filter { status: Some(Status::Succeeded), label: Some("most".into()), ..Filter::default() };
    let most = bench.submit_kinds(2 * EXAMINED, Some("most")).await;
    bench.submit_kinds(2 * EXAMINED, Some("rest")).await;
    bench.all_succeed().await;
    let page = bench.jobs.list(&succeeded, 1, None).await.unwrap();
    assert_eq!(page.order, sources::Order::Newest);
    let meant: BTreeSet<JobId> =
        bench.all(&most).await.iter().filter(|job| is_meant(&succeeded, job)).map(|job| job.job_id).collect();
    assert!(meant.len() > EXAMINED && bench.walk(&succeeded, 200).await == meant);
    // One index says it all, however large.
    let labelled = Filter { label: Some("many".into()), ..Filter::default() };
    assert_eq!(bench.jobs.total(&labelled).await.unwrap(), Total { count: 3 * EXAMINED, exact: true });
    // Of a window the middle is counted without a look.
    let from = jiff::Timestamp::now() - std::time::Duration::from_hours(1);
    let recent = Filter { created_from: Some(from), ..labelled };
    assert_eq!(bench.jobs.total(&recent).await.unwrap(), Total { count: 3 * EXAMINED, exact: false });
}

#[tokio::test]
async fn what_was_there_all_along_is_listed_once_while_jobs_come_and_end() {
    let bench = bench(&[("queue.shards", "3")]).await;
    let there: BTreeSet<JobId> = bench.submit_kinds(600, Some("many")).await.into_iter().collect();
    bench.end_in_every_way(20).await;
    let failed = |bench_jobs: &[Job]| -> BTreeSet<JobId> {
        bench_jobs.iter().filter(|job| job.status == Status::Failed).map(|job| job.job_id).collect()
    };
    let ids: Vec<JobId> = there.iter().copied().collect();
    let failed = failed(&bench.all(&ids).await);
    for filter in [
        Filter { label: Some("many".into()), ..Filter::default() },
        Filter { label: Some("many".into()), status: Some(Status::Failed), ..Filter::default() },
        Filter { status: Some(Status::Failed), ..Filter::default() },
        Filter { error: Some(CODES[0].into()), ..Filter::default() },
    ] {
        let (mut listed, mut cursor) = (BTreeSet::new(), None::<String>);
        loop {
            let page = bench.jobs.list(&filter, 9, cursor.as_deref()).await.unwrap();
            for job in page.jobs {
                assert!(listed.insert(job.job_id), "twice: {filter:?}");
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
            bench.submit_kinds(6, Some("many")).await;
            bench.end_in_every_way(1).await;
        }
        let wanted = match (filter.status, &filter.error) {
            (None, None) => there.clone(),
            (_, None) => failed.clone(),
            _ => {
                let all = bench.all(&failed.iter().copied().collect::<Vec<_>>()).await;
                all.iter().filter(|job| is_meant(&filter, job)).map(|job| job.job_id).collect()
            }
        };
        assert!(!wanted.is_empty() && listed.is_superset(&wanted), "{filter:?}");
    }
}

#[tokio::test]
async fn words_are_found_and_failures_are_grouped() {
    let bench = bench(&[("queue.shards", "3")]).await;
    let ids = bench.submit_kinds(120, None).await;
    bench.end_in_every_way(20).await;
    let jobs = bench.all(&ids).await;
    let hits = async |word: &str| -> BTreeMap<(String, String), usize> {
        let hits = bench.jobs.search(word).await.unwrap();
        assert!(hits.len() <= 20);
        hits.into_iter()
            .map(|hit| ((serde_json::to_value(hit.kind).unwrap().as_str().unwrap().to_owned(), hit.value), hit.count))
            .collect()
    };
    let key = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
    let with = |label: &str| jobs.iter().filter(|job| job.labels.iter().any(|own| own == label)).count();
    let expected = BTreeMap::from([(key("label", "night"), with("night")), (key("label", "nightly"), with("nightly"))]);
    assert_eq!(hits("night").await, expected);
    let of = |client: &str| jobs.iter().filter(|job| job.client_id.as_deref() == Some(client)).count();
    let expected = BTreeMap::from([(key("_id", "order-1"), of("order-1")), (key("_id", "order-11"), of("order-11"))]);
    assert_eq!(hits("order-1").await, expected);
    assert_eq!(hits(CLIENTS[2]).await, BTreeMap::from([(key("_id", CLIENTS[2]), of(CLIENTS[2]))]));
    assert_eq!(hits(CLIENTS[3]).await, BTreeMap::from([(key("_id", CLIENTS[3]), of(CLIENTS[3]))]));
    let codes: Vec<_> = hits("asked").await.into_keys().collect();
    assert_eq!(codes, [key("error", "asked"), key("error", "asked_to_fail")]);
    assert_eq!(bench.jobs.search("asked").await.unwrap()[0].value, "asked", "the exact one comes first");
    let whole = ids[5].to_string();
    assert_eq!(hits(&whole.to_uppercase()).await, BTreeMap::from([(key("job", &whole), 1)]));
    assert!(hits(&whole[..8]).await.len() == 5 && hits(&whole[..7]).await.is_empty());
    assert!(hits("noo").await.contains_key(&key("platform", "noop")));
    assert!(hits("ligh").await.contains_key(&key("pool", "light")));
    assert!(hits("\u{7f}").await.is_empty());

    let failures = bench.jobs.failures().await.unwrap();
    let mut expected: BTreeMap<(String, String, Status), usize> = BTreeMap::new();
    for job in jobs.iter().filter(|job| matches!(job.status, Status::Failed | Status::TimedOut | Status::Dead)) {
        let code = filter::code_of(job).unwrap().to_owned();
        *expected.entry((job.platform_id.clone(), code, job.status)).or_default() += 1;
    }
    assert!(expected.len() > 4 && !failures.truncated);
    let sizes: Vec<u64> = failures.groups.iter().map(|group| group.count).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    for group in failures.groups {
        let size = expected.remove(&(group.platform_id.clone(), group.code.clone(), group.status));
        assert_eq!(size.map(|size| size as u64), Some(group.count), "{group:?}");
        let filter = Filter {
            platform: Some(group.platform_id),
            error: Some(group.code),
            status: Some(group.status),
            ..Filter::default()
        };
        let page = bench.jobs.list(&filter, 1, None).await.unwrap();
        assert_eq!(page.jobs[0].finished_at, group.latest.unwrap().finished_at);
        assert_eq!(page.jobs[0].finished_at.as_ref(), Some(&group.last_at));
    }
    assert!(expected.is_empty(), "{expected:?}");
}

#[tokio::test]
async fn deleted_jobs_leave_nothing() {
    let bench = bench(&[("queue.shards", "2")]).await;
    let before: BTreeSet<String> = bench.keys().await.into_iter().collect();
    let ids = bench.submit_kinds(200, None).await;
    bench.end_in_every_way(60).await;
    for id in &ids {
        // What runs or waits still ends here.
        bench.jobs.cancel(*id).await.ok();
    }
    for shard in bench.jobs.queue().shards() {
        bench.jobs.queue().release(shard, &death()).await.unwrap();
    }
    for shard in bench.jobs.queue().shards() {
        let of_shard: Vec<JobId> = ids.iter().copied().filter(|id| id.shard() == shard).collect();
        let deleted = bench.jobs.queue().delete(shard, &of_shard).await.unwrap();
        assert!(deleted.iter().all(|deleted| *deleted == crate::queue::Deleted::Now), "{deleted:?}");
        let again = bench.jobs.queue().delete(shard, &of_shard).await.unwrap();
        assert!(again.iter().all(|deleted| *deleted == crate::queue::Deleted::Before), "{again:?}");
    }
    let fixed = ["events", "platforms", "tombstones", "counters"];
    let is_left = |key: &String| {
        let name = key.split_once(':').and_then(|(_, rest)| rest.split_once("}:")).map_or("", |(_, name)| name);
        !fixed.contains(&name) && !name.starts_with("hungry:") && !before.contains(key)
    };
    let left: Vec<String> = bench.keys().await.into_iter().filter(is_left).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_job_that_runs_again_is_found_as_the_old_one() {
    let bench = bench(&[]).await;
    let body = br#"{"_id": "mine", "platform_id": "noop", "options": {"labels": ["a", "b"]}}"#;
    let old = bench.jobs.submit(body, None).await.unwrap().job_id;
    bench.jobs.cancel(old).await.unwrap();
    let new = bench.jobs.retry(old, b"").await.unwrap().job_id;
    for filter in [
        Filter { label: Some("b".into()), ..Filter::default() },
        Filter { client_id: Some("mine".into()), ..Filter::default() },
    ] {
        assert_eq!(bench.walk(&filter, 50).await, BTreeSet::from([old, new]));
    }
    assert_eq!(bench.jobs.get(new).await.unwrap().unwrap().labels, ["a", "b"]);
    // What is not accepted leaves nothing in an index.
    let key = IdempotencyKey { name: "k".into(), body: "b".into() };
    let job = |id| NewJob {
        id,
        client_id: Some("twice".into()),
        platform_id: "noop".into(),
        pool: "light".into(),
        priority: 0,
        delay_ms: 0,
        settings: "{}".into(),
        options: r#"{"labels":["twice"]}"#.into(),
        max_attempts: 1,
    };
    for _ in 0..2 {
        let made = bench.jobs.queue().submit_once(job(JobId::new(Shard(0))), Some(&key), None).await.unwrap();
        assert!(matches!(made, Submitted::New | Submitted::Known { .. }));
    }
    let twice = Filter { label: Some("twice".into()), ..Filter::default() };
    assert_eq!(bench.jobs.total(&twice).await.unwrap(), Total { count: 1, exact: true });
    let labels: u64 =
        bench.jobs.broker().query(redis::cmd("ZCARD").arg(keys::named(Shard(0), "labels"))).await.unwrap();
    assert_eq!(labels, 5);
}

fn death() -> crate::queue::Death {
    let error = r#"{"class":"crash","code":"crashed","message":"m"}"#.into();
    crate::queue::Death { sanjer: "a".into(), blame: crate::queue::Blame::Nobody, error, certificate: String::new() }
}
