//! A task spec goes in over HTTP, a sanjer runs it, the result comes out.

use std::collections::HashMap;

use redis::AsyncCommands as _;
use serde_json::json;

use crate::support::{Collector, Scratch, eventually, finished, http::client};

#[tokio::test]
async fn a_task_spec_becomes_a_result() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let spec = json!({"_id": "mine", "platform_id": "noop", "settings": {"steps": 3, "rows": 5, "log_lines": 2}});
    let id = collector.submit(&spec).await;
    let job = collector.reaches(&id, "succeeded").await;
    assert_eq!(job["job_id"], json!(id));
    assert_eq!(job["_id"], "mine");
    assert_eq!(job["pool"], "light");
    assert_eq!(job["attempt"], 1);
    assert_eq!(job["lease"], 1);
    assert_eq!(job["progress"].as_f64(), Some(1.0));
    assert!(job["result"].is_object() && job["error"].is_null(), "{job}");
    assert!(job.get("processed").is_none(), "datasets come only with full");

    let full = collector.get(&format!("/execution/get?job_id={id}&full")).await.json;
    assert_eq!(full["processed"]["rows"].as_array().map(Vec::len), Some(5), "{full}");
    assert_eq!(full["log"].as_array().map(Vec::len), Some(2), "{full}");

    let key: String = format!("{{etlas:0}}:job:{id}");
    let hash: HashMap<String, String> = collector.redis().await.hgetall(key).await.unwrap();
    assert_eq!(hash.get("status").map(String::as_str), Some("succeeded"), "the hash can be read as it is");
}

#[tokio::test]
async fn curl_as_in_the_readme_works() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let body = r#"{"platform_id": "noop"}"#;
    let request = client().post(format!("{}/execution/run", collector.base));
    let form = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    assert_eq!(collector.ask(form).await.status, 202);
}

#[tokio::test]
async fn a_key_names_one_job() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let post = async |body: &str| {
        let request = client().post(format!("{}/execution/run", collector.base));
        let request = request.header("content-type", "application/json").header("idempotency-key", "k-1");
        collector.ask(request.body(body.to_owned())).await
    };
    let first = post(r#"{"platform_id": "noop"}"#).await;
    let again = post(r#"{"platform_id": "noop"}"#).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.json["job_id"], again.json["job_id"]);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = post(r#"{"platform_id": "noop", "settings": {"steps": 1}}"#).await;
    assert_eq!(other.status, 422);
    assert_eq!(other.json["code"], "idempotency_key_reused");
}

#[tokio::test]
async fn delayed_jobs_start_when_they_are_due() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let later = collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 3600}})).await;
    let soon = collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 1}})).await;
    collector.reaches(&soon, "succeeded").await;
    assert_eq!(collector.job(&later).await["status"], "scheduled");
    let list = collector.get("/execution/list?status=scheduled").await;
    assert_eq!(list.json["jobs"][0]["job_id"], json!(later), "{}", list.text);
}

#[tokio::test]
async fn failures_decide_what_happens_next() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let fail = async |how: &str, attempts: u32| {
        let settings = json!({"fail_with": how, "fail_attempts": attempts});
        collector.submit(&json!({"platform_id": "noop", "settings": settings})).await
    };
    let (fatal, bad, panics, transient) =
        (fail("fatal", 0).await, fail("settings", 0).await, fail("panic", 0).await, fail("transient", 1).await);
    assert_eq!(collector.reaches(&fatal, "failed").await["error"]["class"], "fatal");
    assert_eq!(collector.reaches(&bad, "failed").await["error"]["class"], "settings");
    assert_eq!(collector.reaches(&panics, "failed").await["error"]["code"], "panicked");
    let job = collector.reaches(&transient, "succeeded").await;
    assert_eq!(job["attempt"], 2, "{job}");
}

#[tokio::test]
async fn secrets_never_leave_in_clear() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let number = json!({"secret": "1234", "sleep_ms": 1234});
    let id = collector.submit(&json!({"platform_id": "noop", "settings": number})).await;
    let job = collector.reaches(&id, "succeeded").await;
    assert_eq!(job["result"]["slept_ms"], "••••", "a result stays readable whatever the secret is: {job}");
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"secret": "correct horse"}})).await;
    let job = collector.reaches(&id, "succeeded").await;
    assert_eq!(job["settings"]["secret"], "••••");
    let hash: HashMap<String, String> = collector.redis().await.hgetall(format!("{{etlas:0}}:job:{id}")).await.unwrap();
    assert!(!format!("{hash:?} {job} {}", collector.stderr()).contains("correct horse"));
}

#[tokio::test]
async fn lists_page_and_filter() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let id = collector.submit(&json!({"platform_id": "noop"})).await;
        collector.reaches(&id, "succeeded").await;
        ids.push(id);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = collector.get(&format!("/execution/list?status=succeeded&platform=noop&limit=2{cursor}")).await.json;
        seen.extend(page["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ids.reverse();
    assert_eq!(seen, ids, "last finished first, each once");
}

#[tokio::test]
async fn diagnostics_name_what_is_there() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    assert_eq!(collector.get("/system/alive").await.status, 200);
    let health = eventually("all sanjers are up", async || {
        let health = collector.post("/system/alive", "").await;
        (health.status == 200).then_some(health.json)
    })
    .await;
    assert!(health["redis"]["version"].is_string(), "{health}");
    assert_eq!(health["pools"]["light"]["sanjers"]["wanted"], 1, "{health}");
}

#[tokio::test]
async fn the_command_line_runs_and_follows() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let file = scratch.write("job.json", r#"{"platform_id": "noop", "settings": {"steps": 2, "sleep_ms": 50}}"#);
    let file = file.to_str().unwrap();
    let run = finished(&scratch, ["run", file, "--follow", "--api", &collector.base], &[]).await;
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
    let fails = scratch.write("fails.json", r#"{"platform_id": "noop", "settings": {"fail_with": "fatal"}}"#);
    let run = finished(&scratch, ["run", fails.to_str().unwrap(), "--follow", "--api", &collector.base], &[]).await;
    assert_eq!(run.code, Some(1), "{}\n{}", run.stdout, run.stderr);
}
