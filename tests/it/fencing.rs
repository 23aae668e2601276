//! The last word belongs to the newest lease: what an outdated one still says is refused, counted and logged.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Collector, Scratch, eventually, pid_of, redis_server, signal};

#[tokio::test]
async fn a_host_that_was_frozen_writes_nothing_any_more() {
    let redis = Scratch::new();
    let url = format!("unix://{}", redis.path().join("r.sock").display());
    let _server = redis_server(&redis, &["--port", "0", "--unixsocket", "r.sock"], &url).await;
    let (one, two) = (Scratch::new(), Scratch::new());
    let key = one.path().join("shared.key");
    let env = [("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap()), ("COLLECTOR_QUEUE__LEASE", "1s")];
    let args = ["--redis-url", &url, "--pool", "light=1x4"];
    let first = Collector::up_with(&one, &args, &env).await;
    let settings = json!({"sleep_ms": 3000, "steps": 30, "log_lines": 1, "rows": 2, "checkpoint": true});
    let id = first.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    let frozen = pid_of(&first.reaches(&id, "running").await);
    // The whole host stands still, as a virtual machine does that is moved.
    signal(first.pid(), Signal::STOP);
    signal(frozen, Signal::STOP);
    let second = Collector::up_with(&two, &args, &env).await;
    let taken = second.runs_again(&id, 2).await;
    assert_ne!(pid_of(&taken), frozen);
    assert!(taken["certificate"]["cause"].as_str().unwrap().contains("lease ran out"), "{taken}");
    signal(frozen, Signal::CONT);
    eventually("the zombie learns that it is one", async || {
        (second.post("/system/alive", "").await.json["refused_writes"].as_u64()? > 0).then_some(())
    })
    .await;
    signal(first.pid(), Signal::CONT);
    let job = second.reaches(&id, "succeeded").await;
    assert_eq!((&job["lease"], pid_of(&job)), (&json!(2), pid_of(&taken)), "{job}");
    assert_eq!(second.full(&id).await["processed"]["total"], 2, "of one run alone");
    eventually("the zombie has logged it", async || first.stderr().contains("a write was refused").then_some(())).await;
    // Its host has a pool again.
    let next = first.submit(&json!({"platform_id": "noop"})).await;
    first.reaches(&next, "succeeded").await;
}

#[tokio::test]
async fn a_frozen_sanjer_is_killed_and_replaced() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__LEASE", "1s")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 3000}})).await;
    let frozen = pid_of(&collector.reaches(&id, "running").await);
    // The reaper trusts itself after a lease of contact.
    tokio::time::sleep(Duration::from_secs(1)).await;
    signal(frozen, Signal::STOP);
    let job = collector.reaches(&id, "succeeded").await;
    assert!(job["lease"] == 2 && pid_of(&job) != frozen, "{job}");
    eventually("it is gone", async || (!crate::support::alive(frozen)).then_some(())).await;
}
