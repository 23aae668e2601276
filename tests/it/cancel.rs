//! Stop means stop: whatever a job does, from any API, and at nobody else's cost.

use serde_json::{Value, json};

use crate::support::{Collector, Scratch, alive, eventually, freeze, http, pid_of};

fn noop(settings: &Value) -> Value {
    json!({"platform_id": "noop", "settings": settings, "options": {"cancel_grace_s": 0}})
}

#[tokio::test]
async fn what_waits_is_cancelled_at_once_by_any_api() {
    let (scratch, other) = (Scratch::new(), Scratch::new());
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let (url, key) = (collector.redis_url(), scratch.path().join("data/secret.key"));
    let env = [("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap())];
    let api = Collector::start(&other, &["api", "--redis-url", &url, "--listen", "127.0.0.1:0"], &env).await;

    let retrying = json!({"platform_id": "noop", "settings": {"fail_with": "transient"}, "options": {"base_s": 600}});
    let retrying = collector.submit(&retrying).await;
    collector.reaches(&retrying, "retrying").await;
    let running = collector.submit(&noop(&json!({"sleep_ms": 60000}))).await;
    collector.reaches(&running, "running").await;
    let queued = collector.submit(&noop(&json!({}))).await;
    let scheduled = collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 600}})).await;
    for (id, status) in [(&retrying, "retrying"), (&queued, "queued"), (&scheduled, "scheduled")] {
        assert_eq!(collector.job(id).await["status"], status);
        for _ in 0..2 {
            let answer = api.cancel(id).await;
            assert_eq!((answer.status, &answer.json["status"]), (200, &json!("cancelled")), "{}", answer.text);
        }
        let job = collector.job(id).await;
        assert!(job["status"] == "cancelled" && job["finished_at"].is_string(), "{job}");
    }
    let answer = api.cancel(&running).await;
    assert_eq!((answer.status, &answer.json["status"]), (202, &json!("running")), "{}", answer.text);
    let job = collector.reaches(&running, "cancelled").await;
    assert!(job["cancel_requested_at"].is_string() && job.get("result").is_none(), "{job}");
    let listed = collector.get("/execution/list?status=cancelled").await.json;
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(4), "{listed}");
    // What was taken out of the queues does not come back.
    let last = collector.submit(&noop(&json!({}))).await;
    collector.reaches(&last, "succeeded").await;
    assert_eq!(collector.job(&queued).await["lease"], 0);
}

#[tokio::test]
async fn only_what_has_not_ended_is_cancelled() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let done = collector.submit(&noop(&json!({}))).await;
    collector.reaches(&done, "succeeded").await;
    for (id, status, code) in [
        (done.as_str(), 409, "wrong_status"),
        ("01900000-0000-7000-8000-000000000000", 404, "unknown_job"),
        ("17", 400, "bad_job_id"),
    ] {
        let answer = collector.cancel(id).await;
        assert_eq!((answer.status, &answer.json["code"]), (status, &json!(code)), "{}", answer.text);
    }
    let from_a_page = http::client().post(format!("{}/execution/cancel?job_id={done}", collector.base));
    let answer = collector.ask(from_a_page.header("origin", "https://elsewhere.example")).await;
    assert_eq!(answer.status, 415, "{}", answer.text);
}

#[tokio::test]
async fn a_deaf_job_is_aborted_and_its_process_goes_on() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let neighbour = collector.submit(&noop(&json!({"sleep_ms": 3000}))).await;
    let deaf = collector.submit(&noop(&json!({"sleep_ms": 60000, "deaf": true}))).await;
    let pid = pid_of(&collector.reaches(&deaf, "running").await);
    collector.cancel(&deaf).await;
    collector.reaches(&deaf, "cancelled").await;
    let neighbour = collector.reaches(&neighbour, "succeeded").await;
    assert_eq!((&neighbour["lease"], pid_of(&neighbour)), (&json!(1), pid), "{neighbour}");
    assert!(alive(pid));
}

/// A job that holds its thread takes its process with it; a neighbour goes on elsewhere and is charged nothing.
async fn is_stopped_by_force(deaf: Value) {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_SANJERS__STOP_GRACE", "100ms")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let neighbour = collector.submit(&noop(&json!({"sleep_ms": 6000}))).await;
    let running = collector.reaches(&neighbour, "running").await;
    let id = collector.submit(&noop(&deaf)).await;
    let pid = pid_of(&collector.reaches(&id, "running").await);
    assert_eq!(pid, pid_of(&running));
    let answer = collector.cancel(&id).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    collector.reaches(&id, "cancelled").await;
    eventually("its process ends", async || (!alive(pid)).then_some(())).await;
    let neighbour = collector.reaches(&neighbour, "succeeded").await;
    let counts = ["lease", "attempt", "crashes"].map(|name| neighbour[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 0], "{neighbour}");
    assert_eq!(neighbour["history"][0]["outcome"], "handed_back", "{neighbour}");
}

#[tokio::test]
async fn a_spinning_job_is_stopped_by_force() {
    is_stopped_by_force(json!({"spin_ms": 60000})).await;
}

#[tokio::test]
async fn a_job_that_blocks_its_thread_is_stopped_by_force() {
    is_stopped_by_force(json!({"block_ms": 60000})).await;
}

#[tokio::test]
async fn a_job_of_a_frozen_process_is_stopped_by_its_supervisor() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__LEASE", "1m")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &env).await;
    let id = collector.submit(&noop(&json!({"sleep_ms": 60000}))).await;
    let pid = pid_of(&collector.reaches(&id, "running").await);
    freeze(pid).await;
    collector.cancel(&id).await;
    let job = collector.reaches(&id, "cancelled").await;
    assert_eq!(job["certificate"]["killed_because"], "it did not stop a job in time", "{job}");
    assert_eq!(job["crashes"], 0, "{job}");
    let next = collector.submit(&noop(&json!({}))).await;
    collector.reaches(&next, "succeeded").await;
}

#[tokio::test]
async fn the_command_line_cancels_and_waits() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let id = collector.submit(&noop(&json!({"sleep_ms": 60000}))).await;
    collector.reaches(&id, "running").await;
    let args = ["cancel", &id, "--follow", "--api", &collector.base];
    let finished = crate::support::finished(&scratch, args, &[]).await;
    assert_eq!((finished.code, finished.stdout), (Some(0), format!("{id} cancelled\n")), "{}", finished.stderr);
    let again = crate::support::finished(&scratch, ["retry", &id, "--api", &collector.base], &[]).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(collector.job(again.stdout.trim()).await["retry_of"], id.as_str());
}
