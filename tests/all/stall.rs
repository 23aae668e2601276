//! A whole minute without Redis, under the default settings.

use std::{collections::HashSet, time::Duration};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Collector, Scratch, children, signal};

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
    let sanjers = || children(collector.pid()).into_iter().collect::<HashSet<u32>>();
    let before = sanjers();
    signal(collector.redis_pid(), Signal::STOP);
    // The stall is what is tested: four times the lease.
    tokio::time::sleep(Duration::from_mins(1)).await;
    signal(collector.redis_pid(), Signal::CONT);
    for id in &ids {
        let job = collector.succeeds_in_the_end(id).await;
        // A claim whose answer was lost costs a lease, but no run.
        assert_eq!([&job["attempt"], &job["log_lines"]["total"]], [&json!(1), &json!(1)], "{job}");
        assert_eq!(job["processed"]["total"], 3, "{job}");
    }
    assert_eq!(sanjers(), before, "nobody was restarted:\n{}", collector.stderr());
}
