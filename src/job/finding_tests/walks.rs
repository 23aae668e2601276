//! Whatever is asked for, and however it is walked, every job is found once.

use super::*;

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
