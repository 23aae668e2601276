//! Limits of time, memory, processor time and waiting: each is kept, and the job says which it was and what was
//! measured.

use serde_json::{Value, json};

use crate::support::{Collector, Scratch, pid_of};

fn limited(settings: &Value, options: &Value) -> Value {
    json!({"platform_id": "noop", "settings": settings, "options": options})
}

fn measured(job: &Value) -> (f64, f64) {
    let detail = &job["error"]["detail"];
    (detail["limit"].as_f64().unwrap(), detail["measured"].as_f64().unwrap())
}

#[tokio::test]
async fn time_is_kept_whatever_the_job_does() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_SANJERS__STOP_GRACE", "100ms")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x8"], &env).await;
    let options = json!({"timeout_s": 1, "cancel_grace_s": 0});
    let mut ids = Vec::new();
    for settings in [
        json!({"sleep_ms": 60000}),
        json!({"sleep_ms": 60000, "deaf": true}),
        json!({"block_ms": 60000}),
        json!({"spin_ms": 60000}),
    ] {
        ids.push(collector.submit(&limited(&settings, &options)).await);
    }
    for id in ids {
        let job = collector.reaches(&id, "timed_out").await;
        assert_eq!((&job["error"]["class"], &job["error"]["code"]), (&json!("timeout"), &json!("time_limit")), "{job}");
        let (limit, measured) = measured(&job);
        assert!(limit >= 1.0 && measured >= limit && measured < 20.0, "{job}");
        assert_eq!((&job["attempt"], &job["crashes"]), (&json!(1), &json!(0)), "{job}");
    }
    let next = collector.submit(&limited(&json!({}), &json!({}))).await;
    collector.reaches(&next, "succeeded").await;
}

#[tokio::test]
async fn memory_and_processor_time_are_kept_in_a_process_of_ones_own() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let spec = limited(&json!({"allocate_mb": 300, "sleep_ms": 60000}), &json!({"max_rss_mb": 200}));
    let greedy = collector.submit(&spec).await;
    let job = collector.reaches(&greedy, "failed").await;
    assert_eq!(job["error"]["code"], "memory_limit", "{job}");
    let (limit, held) = measured(&job);
    assert!((limit - 200.0).abs() < 0.1 && held > 200.0 && job["error"]["detail"]["unit"] == "MiB", "{job}");

    let spec = limited(&json!({"spin_ms": 60000}), &json!({"max_cpu_s": 1, "cancel_grace_s": 0}));
    let busy = collector.submit(&spec).await;
    let job = collector.reaches(&busy, "failed").await;
    assert_eq!(job["error"]["code"], "cpu_limit", "{job}");
    let (limit, used) = measured(&job);
    assert!(limit >= 1.0 && used > 1.0, "{job}");

    // What an earlier job of the process used does not count.
    let spec = limited(&json!({"sleep_ms": 500}), &json!({"max_cpu_s": 1, "max_rss_mb": 200}));
    let modest = collector.submit(&spec).await;
    collector.reaches(&modest, "succeeded").await;
}

#[tokio::test]
async fn waiting_has_an_end() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let blocker = collector.submit(&limited(&json!({"sleep_ms": 4000}), &json!({}))).await;
    let pid = pid_of(&collector.reaches(&blocker, "running").await);
    let waiting = collector.submit(&limited(&json!({}), &json!({"queue_ttl_s": 1}))).await;
    let patient = collector.submit(&limited(&json!({}), &json!({"queue_ttl_s": 600}))).await;
    // A job of a pool that nobody serves waits no longer than others.
    let crawl = json!({"platform_id": "enr_crawl", "settings": {"bootnodes": []}, "options": {"queue_ttl_s": 1}});
    let unserved = collector.submit(&crawl).await;
    for id in [waiting, unserved] {
        let job = collector.reaches(&id, "timed_out").await;
        assert_eq!((&job["error"]["code"], &job["lease"]), (&json!("queue_ttl"), &json!(0)), "{job}");
    }
    let job = collector.reaches(&patient, "succeeded").await;
    assert_eq!(pid_of(&job), pid);
}
