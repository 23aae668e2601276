//! The main job: a real discv5 network is crawled by a task spec that came over HTTP.

use serde_json::json;

use crate::support::{Collector, Scratch, devnet};

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_a_local_network_is_found() {
    let scratch = Scratch::new();
    let (mut devnet, network) = devnet(&scratch).await;

    let collector = Collector::up(&scratch, &["--pool", "heavy=1x1"]).await;
    let spec = json!({"platform_id": "enr_crawl", "settings": {"bootnodes": [network["bootnode"]]}});
    let id = collector.submit(&spec).await;
    let job = collector.reaches(&id, "succeeded").await;
    assert_eq!(job["result"]["reachable"], network["live"], "{job}");
    assert_eq!(job["result"]["unreachable"], network["dead"], "{job}");
    let full = collector.get(&format!("/execution/get?job_id={id}&full")).await.json;
    let rows = full["processed"]["rows"].as_array().unwrap();
    let reachable = rows.iter().filter(|row| row["reachable"] == true).count();
    assert_eq!(json!(rows.len()), job["result"]["found"]);
    assert_eq!(json!(reachable), network["live"]);
    devnet.kill().await;
}

#[tokio::test]
async fn public_addresses_need_permission() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "heavy=1x1"]).await;
    let id = collector.submit(&json!({"platform_id": "enr_crawl"})).await;
    let job = collector.reaches(&id, "failed").await;
    assert_eq!(job["error"]["class"], "settings", "{job}");
    assert!(job["error"]["message"].as_str().unwrap().contains("allow_public"), "{job}");
}
