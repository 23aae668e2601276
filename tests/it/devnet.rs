//! `collector devnet`: a network that can be crawled, whose nodes restart if asked to, and that ends when told to.

use discv5::Enr;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually};

/// The records of the nodes that were restarted until now.
fn restarted(devnet: &Collector) -> Vec<Enr> {
    let stderr = devnet.stderr();
    // A line without its end may be half a record.
    let lines = stderr.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.filter_map(|line| line.trim_end().strip_prefix("restarted ")).map(|enr| enr.parse().unwrap()).collect()
}

fn record_of(row: &Value) -> Enr {
    row["enr"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_nodes_are_found_by_their_newer_records() {
    let scratch = Scratch::new();
    let mut devnet = Collector::silent(&scratch, &["devnet", "--nodes", "24", "--dead", "0.25", "--churn", "2"], &[]);
    let bootnode: Enr = devnet.line().await.parse().expect("the first line is a record");
    assert!(bootnode.ip4().is_some_and(|ip| ip.is_loopback()) && bootnode.seq() == 1, "{bootnode}");

    let collector = Collector::up(&scratch, &["--pool", "heavy=1x1"]).await;
    let first = eventually("the first restarts", async || {
        let restarted = restarted(&devnet);
        (!restarted.is_empty()).then_some(restarted)
    })
    .await;
    for record in &first {
        assert!(record.seq() > 1 && record.node_id() != bootnode.node_id(), "{record}");
    }
    let spec = json!({"platform_id": "enr_crawl", "settings": {"bootnodes": [bootnode.to_base64()]}});
    // A node that restarts once more while it is asked does not answer; the next crawl finds it.
    eventually("a crawl finds every node, those restarted with their newer records", async || {
        let id = collector.submit(&spec).await;
        collector.reaches(&id, "succeeded").await;
        let job = collector.get(&format!("/execution/get?job_id={id}&full")).await.json;
        let rows = job["processed"]["rows"].as_array().unwrap().clone();
        let answered = |record: &Enr| {
            let is_it = |row: &&Value| record_of(row).node_id() == record.node_id();
            let row = rows.iter().find(is_it)?;
            Some(row["reachable"] == true && row["seq"].as_u64().unwrap() >= record.seq())
        };
        (rows.len() == 24 && first.iter().all(|record| answered(record) == Some(true))).then_some(())
    })
    .await;
    assert_eq!(devnet.stop().await.code(), Some(0), "{}", devnet.stderr());
}

#[tokio::test]
async fn without_churn_nothing_restarts() {
    let scratch = Scratch::new();
    let mut devnet = Collector::silent(&scratch, &["devnet", "--nodes", "4", "--dead", "0.5", "--json"], &[]);
    let network: Value = serde_json::from_str(&devnet.line().await).unwrap();
    assert_eq!((&network["nodes"], &network["live"], &network["dead"]), (&json!(4), &json!(2), &json!(2)));
    assert_eq!(devnet.stop().await.code(), Some(0));
    assert_eq!(devnet.stderr(), "");
}
