//! A run that was cut off goes on where it was.

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Collector, Scratch, devnet, eventually, pid_of, signal};

#[tokio::test]
async fn a_killed_run_goes_on_from_its_checkpoint() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let settings = json!({"sleep_ms": 4000, "steps": 20, "checkpoint": true});
    let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    let running = eventually("it has said where it is", async || {
        let job = collector.job(&id).await;
        (job["progress"].as_f64() >= Some(0.3) && job["checkpoint"]["bytes"].is_u64()).then_some(job)
    })
    .await;
    signal(pid_of(&running), Signal::KILL);
    let job = collector.reaches(&id, "succeeded").await;
    assert!(job["lease"] == 2 && job["result"]["resumed_after"].as_u64().unwrap() >= 6, "{job}");
    assert!(job.get("checkpoint").is_none(), "{job}");
    let mut redis = collector.redis().await;
    let left: u64 =
        redis::cmd("EXISTS").arg(format!("{{etlas:0}}:job:{id}:checkpoint")).query_async(&mut redis).await.unwrap();
    assert_eq!(left, 0, "where it was is of no use any more");
}

#[tokio::test]
async fn a_checkpoint_has_a_bound() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_JOBS__MAX_CHECKPOINT", "1B")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let settings = json!({"sleep_ms": 100, "steps": 10, "checkpoint": true});
    let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    let job = collector.reaches(&id, "failed").await;
    assert_eq!((&job["error"]["code"], &job["progress"]), (&json!("checkpoint_too_large"), &json!(1.0)), "{job}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_crawl_goes_on_and_finds_every_node_once() {
    let scratch = Scratch::new();
    let (mut devnet, network) = devnet(&scratch).await;
    let collector = Collector::up(&scratch, &["--pool", "heavy=1x1"]).await;
    // A few at a time, so that it lasts.
    let settings = json!({"bootnodes": [network["bootnode"]], "concurrency": 6, "request_timeout_ms": 500});
    let id = collector.submit(&json!({"platform_id": "enr_crawl", "settings": settings})).await;
    let running = eventually("it is well on its way, and has said where it is", async || {
        let job = collector.job(&id).await;
        (job["progress"].as_f64() >= Some(0.5) && job["checkpoint"]["bytes"].is_u64()).then_some(job)
    })
    .await;
    signal(pid_of(&running), Signal::KILL);
    let job = collector.reaches(&id, "succeeded").await;
    assert_eq!((&job["lease"], &job["crashes"]), (&json!(2), &json!(1)), "{job}");
    assert!(job["result"]["resumed"].as_u64().unwrap() > 0, "{job}");
    assert_eq!(job["result"]["reachable"], network["live"], "{job}");
    assert_eq!(job["result"]["unreachable"], network["dead"], "{job}");
    let rows = collector.full(&id).await["processed"]["rows"].as_array().unwrap().clone();
    let mut ids: Vec<&str> = rows.iter().map(|row| row["node_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((json!(ids.len()), json!(rows.len())), (job["result"]["found"].clone(), job["result"]["found"].clone()));
    devnet.kill().await;
}
