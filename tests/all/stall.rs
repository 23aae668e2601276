//! A whole minute without Redis, under the default settings.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Collector, Scratch, children, eventually, signal};

#[tokio::test]
async fn a_minute_without_redis_runs_nothing_twice() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    // Each run leaves a line in the log of its job, whoever runs it.
    let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 3000, "steps": 4, "log_lines": 1, "rows": 3}});
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(collector.submit(&spec).await);
    }
    for id in &ids[..4] {
        collector.reaches(id, "running").await;
    }
    let before = children(collector.pid());
    signal(collector.redis_pid(), Signal::STOP);
    // The stall is what is tested: four times the lease.
    tokio::time::sleep(Duration::from_mins(1)).await;
    signal(collector.redis_pid(), Signal::CONT);
    for id in &ids {
        let job = eventually("every job ends", async || {
            let answer = collector.get(&format!("/execution/get?job_id={id}&full")).await;
            assert!([200, 503].contains(&answer.status), "{}", answer.text);
            (answer.json["status"] == "succeeded").then_some(answer.json)
        })
        .await;
        // A claim whose answer was lost costs a lease, but no run.
        assert_eq!([&job["attempt"], &job["log_lines"]["total"]], [&json!(1), &json!(1)], "{job}");
        assert_eq!(job["processed"]["total"], 3, "{job}");
    }
    let mut after = children(collector.pid());
    let mut before = before;
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(after, before, "nobody was restarted:\n{}", collector.stderr());
}
