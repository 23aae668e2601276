//! Failures are tried again as the options say, and every try is kept; people run a job again as a new one.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, pid_of, signal};

impl Collector {
    /// Asks for the job to be run again; the new job's id.
    async fn retry(&self, id: &str, edits: &str) -> String {
        let answer = self.post(&format!("/execution/retry?job_id={id}"), edits.to_owned()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json["job_id"].as_str().unwrap().to_owned()
    }

    /// Asks for it in vain.
    async fn is_not_retried(&self, id: &str, edits: &str, status: u16, code: &str) -> Value {
        let answer = self.post(&format!("/execution/retry?job_id={id}"), edits.to_owned()).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), (status, Some(code)), "{}", answer.text);
        answer.json
    }
}

#[tokio::test]
async fn attempts_are_kept_as_history_within_bounds() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let options = json!({"max_attempts": 25, "base_s": 0});
    let spec = json!({"platform_id": "noop", "settings": {"fail_with": "transient"}, "options": options});
    let id = collector.submit(&spec).await;
    let job = collector.reaches(&id, "failed").await;
    assert_eq!((&job["attempt"], &job["lease"], &job["max_attempts"]), (&json!(25), &json!(25), &json!(25)), "{job}");
    let history = job["history"].as_array().unwrap();
    // The last run stands on the job itself.
    let attempts: Vec<u64> = history.iter().map(|run| run["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, (5..=24).collect::<Vec<_>>());
    for run in history {
        assert_eq!((&run["outcome"], &run["error"]["code"]), (&json!("retrying"), &json!("asked_to_fail")), "{run}");
        assert!(run["sanjer"].as_str().unwrap().contains(&pid_of(&job).to_string()), "{run}");
        assert!(run["started_at"].as_str() <= run["ended_at"].as_str(), "{run}");
    }
}

#[tokio::test]
async fn backoff_is_what_the_options_say() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let waits = async |options: Value| {
        let spec = json!({"platform_id": "noop", "settings": {"fail_with": "transient"}, "options": options});
        let job = collector.reaches(&collector.submit(&spec).await, "retrying").await;
        let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        time(&job["due_at"]).duration_since(time(&job["started_at"])).as_secs_f64()
    };
    let long = waits(json!({"base_s": 80000, "cap_s": 604_800})).await;
    // Full jitter: anything up to the base; below 50 s once in 1,600 runs.
    assert!((50.0..80001.0).contains(&long), "{long}");
    assert!((0.0..2.1).contains(&waits(json!({"base_s": 80000, "cap_s": 2})).await));
}

#[tokio::test]
async fn snoozing_for_ever_is_a_failure() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_JOBS__MAX_SNOOZES", "2")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let spec = json!({"platform_id": "noop", "settings": {"fail_with": "snooze"}});
    let id = collector.submit(&spec).await;
    let job = collector.reaches(&id, "failed").await;
    assert_eq!((&job["error"]["code"], &job["attempt"]), (&json!("snoozed_too_often"), &json!(1)), "{job}");
    assert_eq!(job["history"].as_array().unwrap().len(), 2, "{job}");
}

#[tokio::test]
async fn a_person_runs_a_job_again_once_as_a_new_one() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let settings = json!({"fail_with": "fatal", "secret": "open sesame", "on": "yesterday"});
    let spec = json!({"_id": "mine", "platform_id": "noop", "settings": settings, "options": {"priority": 3}});
    let id = collector.submit(&spec).await;
    let old = collector.reaches(&id, "failed").await;
    let again = collector.retry(&id, "").await;
    let new = collector.reaches(&again, "failed").await;
    assert_eq!((&new["retry_of"], &collector.job(&id).await["retried_by"]), (&json!(id), &json!(again)));
    for same in ["settings", "options", "_id", "priority", "max_attempts"] {
        assert_eq!(new[same], old[same], "{same}");
    }
    let refused = collector.is_not_retried(&id, "", 409, "already_retried").await;
    assert!(refused["detail"].as_str().unwrap().contains(&again), "{refused}");

    // Sent back as it was shown, with one thing changed: the mask means the old secret, the date its value.
    let mut edited = new["settings"].clone();
    edited["fail_with"] = Value::Null;
    let edits = json!({"settings": edited, "options": {"priority": 7}}).to_string();
    let fixed = collector.retry(&again, &edits).await;
    let done = collector.reaches(&fixed, "succeeded").await;
    assert_eq!((&done["result"]["secret_length"], &done["priority"]), (&json!(11), &json!(7)), "{done}");
    assert_eq!(done["settings"]["on"]["value"], old["settings"]["on"]["value"], "{done}");
    assert!(!done.to_string().contains("sesame"));
    collector.is_not_retried(&fixed, "", 409, "wrong_status").await;
}

#[tokio::test]
async fn what_cannot_be_run_again_is_refused_and_leaves_nothing() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"fail_with": "fatal"}})).await;
    collector.reaches(&id, "failed").await;
    collector.is_not_retried("01900000-0000-7000-8000-000000000000", "", 404, "unknown_job").await;
    for (edits, status, code) in [
        (r#"{"settings": {"steps": -1}}"#, 422, "invalid_task_spec"),
        (r#"{"settings": {"secret": "••••"}}"#, 422, "invalid_task_spec"),
        (r#"{"settings": []}"#, 422, "invalid_task_spec"),
        (r#"{"options": {"timeout_s": 0}, "colour": 1}"#, 422, "invalid_task_spec"),
        ("[]", 422, "invalid_task_spec"),
        ("{", 400, "malformed_json"),
    ] {
        collector.is_not_retried(&id, edits, status, code).await;
    }
    assert!(collector.job(&id).await.get("retried_by").is_none());
    assert_eq!(collector.get("/execution/list").await.json["jobs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_quarantined_runs_again_alone() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__MAX_CRASHES", "1")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 4000}});
    let id = collector.submit(&spec).await;
    for lease in [1, 2] {
        signal(pid_of(&collector.runs_again(&id, lease).await), Signal::KILL);
    }
    collector.reaches(&id, "dead").await;
    let busy = collector.submit(&spec).await;
    let shared = pid_of(&collector.reaches(&busy, "running").await);
    let again = collector.retry(&id, "").await;
    assert_ne!(pid_of(&collector.reaches(&again, "running").await), shared, "it has a process of its own");
    collector.reaches(&again, "succeeded").await;
}
