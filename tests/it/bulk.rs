//! One post does something about many jobs: counted before, done page by page, and gone on with after a crash.

use futures_util::future::join_all;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually, finished, http::client, pid_of, signal};

impl Collector {
    /// The answer to a dry run.
    async fn matching(&self, mut order: Value) -> Value {
        order["dry_run"] = true.into();
        let answer = self.post("/execution/bulk", order.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    /// The id of the job that does it.
    async fn bulk(&self, order: &Value) -> String {
        let answer = self.post("/execution/bulk", order.to_string()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let id = answer.json["job_id"].as_str().unwrap().to_owned();
        assert_eq!(answer.headers["location"], format!("/execution/get?job_id={id}"));
        id
    }

    /// Its result.
    async fn did(&self, order: &Value) -> Value {
        self.reaches(&self.bulk(order).await, "succeeded").await["result"].clone()
    }

    /// So many jobs, a few at a time, over connections that stay open.
    async fn submit_many(&self, n: usize, spec: &Value) -> Vec<String> {
        let (http, url) = (client(), format!("{}/execution/run", self.base));
        let submit = async || -> String {
            let request = http.post(&url).header("content-type", "application/json").body(spec.to_string());
            let accepted = request.send().await.unwrap();
            accepted.headers()["location"].to_str().unwrap().rsplit_once('=').unwrap().1.to_owned()
        };
        let mut ids = Vec::with_capacity(n);
        while ids.len() < n {
            ids.extend(join_all((0..50.min(n - ids.len())).map(|_| submit())).await);
        }
        ids
    }

    async fn count(&self, query: &str) -> u64 {
        let total = self.get(&format!("/execution/list?limit=1&total&{query}")).await.json["total"].clone();
        assert_eq!(total["exact"], true, "{total}");
        total["count"].as_u64().unwrap()
    }
}

fn waiting(label: &str) -> Value {
    json!({"platform_id": "noop", "options": {"delay_s": 3600, "labels": [label]}})
}

fn counts(matched: u64, done: u64, skipped: u64) -> Value {
    json!({"matched": matched, "done": done, "skipped": skipped, "failed": {}})
}

#[tokio::test]
async fn what_a_filter_finds_is_cancelled_run_again_and_deleted() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__SHARDS", "3")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x8"], &env).await;
    let (a, b) = (collector.submit_many(230, &waiting("a")).await, collector.submit_many(20, &waiting("b")).await);
    let fails = json!({"platform_id": "noop", "settings": {"fail_with": "fatal"}, "options": {"labels": ["f"]}});
    let failed = collector.submit_many(30, &fails).await;
    for id in &failed {
        collector.reaches(id, "failed").await;
    }

    let cancel = json!({"action": "cancel", "filter": {"label": "a"}});
    assert_eq!(collector.matching(cancel.clone()).await, json!({"matching": 230, "exact": true}));
    assert_eq!(collector.count("status=scheduled").await, 250, "nothing was done");
    assert_eq!(collector.did(&cancel).await, counts(230, 230, 0));
    assert_eq!(
        (collector.count("status=cancelled&label=a").await, collector.count("status=scheduled").await),
        (230, 20)
    );
    assert_eq!(collector.did(&cancel).await, counts(0, 0, 0), "it was done before");

    let retry = json!({"action": "retry", "filter": {"error": "asked_to_fail", "platform": "noop"}});
    assert_eq!(collector.matching(retry.clone()).await, json!({"matching": 30, "exact": true}));
    // The new ones fail as well, and are not run again by it.
    assert_eq!(collector.did(&retry).await, counts(30, 30, 0));
    eventually("all new ones have failed", async || {
        (collector.count("status=failed&label=f").await == 60).then_some(())
    })
    .await;
    assert_eq!(collector.did(&retry).await, counts(60, 30, 30), "what was run again is not again");
    eventually("all new ones have failed", async || {
        (collector.count("status=failed&label=f").await == 90).then_some(())
    })
    .await;

    let delete = json!({"action": "delete", "filter": {"label": "f", "status": "failed"}});
    assert_eq!(collector.did(&delete).await, counts(90, 90, 0));
    assert_eq!(collector.count("label=f").await, 0);
    assert_eq!(collector.get("/failures/get").await.json["groups"], json!([]));
    let everything = json!({"action": "delete", "filter": {}});
    let ended = collector.matching(everything.clone()).await["matching"].as_u64().unwrap();
    assert!(ended > 230, "the bulk jobs themselves too");
    assert_eq!(collector.did(&everything).await, counts(ended, ended, 0));
    assert_eq!(collector.count("status=scheduled").await, 20, "who waits is not deleted");
    assert_eq!(collector.job(&b[0]).await["status"], "scheduled");
    assert_eq!(collector.get(&format!("/execution/get?job_id={}", a[0])).await.status, 404);
}

#[tokio::test]
async fn named_jobs_are_dealt_with_as_far_as_they_can_be() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x8"]).await;
    let running = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 60_000}})).await;
    collector.reaches(&running, "running").await;
    let done = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&done, "succeeded").await;
    let unknown = "01900000-0000-7000-8000-000000000000";
    let order = |action: &str| json!({"action": action, "job_ids": [running, done, unknown]});
    assert_eq!(collector.matching(order("delete")).await, json!({"matching": 1, "exact": true}));
    assert_eq!(collector.did(&order("retry")).await, counts(3, 0, 3));
    assert_eq!(collector.did(&order("delete")).await, counts(3, 1, 2));
    assert_eq!(collector.job(&running).await["status"], "running", "what runs is not deleted");
    assert_eq!(collector.did(&order("cancel")).await, counts(3, 1, 2));
    collector.reaches(&running, "cancelled").await;
}

#[tokio::test]
async fn it_never_touches_itself() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x8"]).await;
    collector.submit_many(5, &waiting("a")).await;
    let order = json!({"action": "cancel", "filter": {}});
    assert_eq!(collector.did(&order).await, counts(5, 5, 0));
}

#[tokio::test]
async fn a_cancel_does_not_wait_behind_the_flood_it_stems() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let slow = json!({"platform_id": "noop", "settings": {"sleep_ms": 300}, "options": {"labels": ["flood"]}});
    let snoozing =
        json!({"platform_id": "noop", "settings": {"fail_with": "snooze"}, "options": {"labels": ["flood"]}});
    collector.submit_many(60, &slow).await;
    collector.submit_many(5, &snoozing).await;
    let id = collector.bulk(&json!({"action": "cancel", "filter": {"label": "flood"}})).await;
    let job = collector.reaches(&id, "succeeded").await;
    assert!(job["result"]["done"].as_u64() >= Some(50), "{job}");
    eventually("all have ended", async || {
        (collector.count("label=flood&status=cancelled").await + collector.count("label=flood&status=succeeded").await
            == 65)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_done_about_many_is_not_done_again_by_the_way() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x2"]).await;
    let first = under_way(&collector).await["job_id"].as_str().unwrap().to_owned();
    collector.cancel(&first).await;
    collector.reaches(&first, "cancelled").await;
    let later = collector.submit(&waiting("many")).await;
    let order = json!({"action": "retry", "filter": {"status": "cancelled", "label": "none"}});
    assert_eq!(collector.did(&order).await, counts(0, 0, 0));
    let order = json!({"action": "delete", "filter": {"status": "cancelled", "label": "many"}});
    collector.did(&order).await;
    assert_eq!(collector.did(&json!({"action": "retry", "filter": {"status": "cancelled"}})).await, counts(0, 0, 0));
    // Run again by name, it means whom it meant at first.
    let again = collector.post(&format!("/execution/retry?job_id={first}"), String::new()).await;
    let job = collector.reaches(again.json["job_id"].as_str().unwrap(), "succeeded").await;
    assert!(job["result"]["done"].as_u64() > Some(0), "{job}");
    assert_eq!(collector.job(&later).await["status"], "scheduled");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let many: Vec<String> = (0..1001).map(|n| format!("01900000-0000-7000-8000-{n:012}")).collect();
    for order in [
        json!({"action": "cancel"}),
        json!({"action": "pause", "filter": {}}),
        json!({"filter": {}}),
        json!({"action": "cancel", "filter": {}, "job_ids": [many[0]]}),
        json!({"action": "cancel", "filter": {"status": "succeeded"}}),
        json!({"action": "retry", "filter": {"status": "running"}}),
        json!({"action": "delete", "filter": {"status": "queued"}}),
        json!({"action": "cancel", "filter": {"colour": "red"}}),
        json!({"action": "cancel", "filter": {"label": "A B"}}),
        json!({"action": "cancel", "filter": {"label": null}}),
        json!({"action": "cancel", "filter": {"created_from": "now"}}),
        json!({"action": "cancel", "filter": {}, "job_ids": null}),
        json!({"action": "cancel", "filter": null, "job_ids": [many[0]]}),
        json!({"action": "cancel", "filter": []}),
        json!({"action": "cancel", "job_ids": []}),
        json!({"action": "cancel", "job_ids": many}),
        json!({"action": "cancel", "job_ids": [many[0], many[0]]}),
        json!({"action": "cancel", "job_ids": ["x"]}),
        json!({"action": "cancel", "filter": {}, "dry_run": 1}),
        json!([]),
    ] {
        let answer = collector.post("/execution/bulk", order.to_string()).await;
        assert_eq!(
            (answer.status, answer.json["code"].as_str()),
            (422, Some("invalid_body")),
            "{order} {}",
            answer.text
        );
    }
    assert_eq!(collector.post("/execution/bulk", "{").await.status, 400);
    assert_eq!(collector.post("/execution/bulk?x", "{}").await.status, 400);
    assert_eq!(collector.count("").await, 0, "nothing was begun");
    let both = json!({"platform_id": "bulk_action", "settings": {"action": "cancel"}});
    let id = collector.submit(&both).await;
    assert_eq!(collector.reaches(&id, "failed").await["error"]["class"], "settings");
}

/// So many that there is time to look at a bulk job before it has ended.
const MANY: usize = 5000;

/// A bulk job that is well on its way.
async fn under_way(collector: &Collector) -> Value {
    collector.submit_many(MANY, &waiting("many")).await;
    let id = collector.bulk(&json!({"action": "cancel", "filter": {"label": "many"}})).await;
    eventually("it is under way", async || {
        let job = collector.job(&id).await;
        assert_ne!(job["status"], "succeeded", "it was done before anybody looked");
        (job["progress"].as_f64() > Some(0.05) && job["checkpoint"]["bytes"].is_u64()).then_some(job)
    })
    .await
}

#[tokio::test]
async fn a_killed_one_goes_on() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x2"]).await;
    let job = under_way(&collector).await;
    signal(pid_of(&job), Signal::KILL);
    let later = collector.submit(&waiting("many")).await;
    let job = collector.reaches(job["job_id"].as_str().unwrap(), "succeeded").await;
    assert_eq!((&job["lease"], &job["crashes"]), (&json!(2), &json!(0)), "{job}");
    assert_eq!(collector.count("status=cancelled").await, MANY as u64);
    assert_eq!(collector.job(&later).await["status"], "scheduled", "what came later is not meant");
    let done = job["result"]["done"].as_u64().unwrap();
    // What it had not yet said of its last moments is not counted.
    assert!((MANY as u64 / 2..=MANY as u64).contains(&done), "{job}");
}

#[tokio::test]
async fn a_cancelled_one_stops() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x2"]).await;
    let job = under_way(&collector).await;
    let id = job["job_id"].as_str().unwrap();
    assert_eq!(collector.cancel(id).await.status, 202);
    collector.reaches(id, "cancelled").await;
    // The bulk job itself is one of them.
    let cancelled = collector.count("status=cancelled").await - 1;
    assert!((1..MANY as u64).contains(&cancelled), "{cancelled}");
}

#[tokio::test]
async fn the_command_line_counts_before_it_acts() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x2"]).await;
    let ids = collector.submit_many(3, &waiting("nightly")).await;
    let run = async |args: &[&str]| finished(&scratch, [args, &["--api", &collector.base]].concat(), &[]).await;
    let counted = run(&["bulk", "cancel", "--label", "nightly"]).await;
    assert_eq!(counted.stdout, "cancel: 3 jobs; nothing was done yet (--yes does it)\n", "{}", counted.stderr);
    let listed = run(&["list", "--label", "nightly", "--status", "scheduled", "--limit", "1", "--total"]).await;
    assert!(
        listed.stdout.contains("in all: 3\n") && ids.iter().any(|id| listed.stdout.contains(id)),
        "{}",
        listed.stdout
    );
    assert_eq!(run(&["bulk", "delete"]).await.code, Some(2), "it wants to know which");
    let done = run(&["bulk", "cancel", "--label", "nightly", "--yes", "--follow"]).await;
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    assert_eq!(collector.count("status=cancelled&label=nightly").await, 3);
    let deleted = run(&["bulk", "delete", "--job", &ids[0], "--yes", "--follow"]).await;
    assert_eq!(deleted.code, Some(0), "{}\n{}", deleted.stdout, deleted.stderr);
    assert_eq!(collector.count("label=nightly").await, 2);
}
