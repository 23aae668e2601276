//! Words, groups of failures, deleting, and what a retry keeps.

use std::collections::BTreeMap;

use super::*;

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
    assert_eq!(hits("NIGHT").await, hits("night").await);
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
