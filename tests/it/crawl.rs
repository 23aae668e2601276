//! The main job: real discv5 networks are crawled by task specs that come over HTTP; once, together, or for ever.

use std::collections::{BTreeMap, BTreeSet};

use redis::AsyncCommands as _;
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use crate::support::{
    Collector, Scratch, devnet, eventually,
    network::{Network, THEN, id, live, record},
    pid_of, signal,
};

/// What the store has of a network under this name, all parts together.
async fn stored(collector: &Collector, network: &str, name: &str) -> BTreeMap<String, Value> {
    let mut redis = collector.redis().await;
    let mut entries = BTreeMap::new();
    for part in 0..16 {
        let key = format!("{{etlas:0}}:crawl:{network}:{name}:{part}");
        let of_part: BTreeMap<String, String> = redis.hgetall(key).await.unwrap();
        entries.extend(of_part.into_iter().map(|(id, json)| (id, serde_json::from_str(&json).unwrap())));
    }
    entries
}

/// What was counted in one epoch.
async fn counts(collector: &Collector, network: &str, epoch: u64) -> BTreeMap<String, u64> {
    let key = format!("{{etlas:0}}:crawl:{network}:epoch:{epoch}");
    collector.redis().await.hgetall(key).await.unwrap()
}

fn spec(bootnode: &Value, more: &Value) -> Value {
    let mut settings = json!({"bootnodes": [bootnode], "network": "local", "request_timeout_ms": 300});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"platform_id": "enr_crawl", "settings": settings})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_a_local_network_is_found() {
    let scratch = Scratch::new();
    let (mut devnet, network) = devnet(&scratch).await;

    let collector = Collector::up(&scratch, &["--pool", "heavy=1x1"]).await;
    let database = scratch.path().join("nodes.db");
    let storage = json!({"type": "sqlite", "settings": {"path": database}});
    let id = collector.submit(&spec(&network["bootnode"], &json!({ "storage": storage }))).await;
    let job = collector.reaches(&id, "succeeded").await;
    let result = &job["result"];
    assert_eq!(result["reachable"], network["live"], "{job}");
    assert_eq!(result["unreachable"], network["dead"], "{job}");
    assert_eq!((&result["complete"]["nodes"], &result["complete"]["edges"]), (&json!(true), &json!(true)), "{job}");
    let full = collector.get(&format!("/execution/get?job_id={id}&full")).await.json;
    let rows = full["processed"]["rows"].as_array().unwrap();
    let reachable: BTreeSet<&str> =
        rows.iter().filter(|row| row["reachable"] == true).map(|row| row["node_id"].as_str().unwrap()).collect();
    assert_eq!(json!(rows.len()), result["found"]);
    assert_eq!(json!(reachable.len()), network["live"]);

    // The store says the same, and so do the tables.
    let nodes = stored(&collector, "local", "nodes").await;
    assert_eq!(nodes.keys().map(String::as_str).collect::<BTreeSet<_>>(), reachable);
    let mut sqlite = SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    let mirrored: Vec<(String, String)> =
        sqlx::query_as("SELECT node_id, enr FROM crawl_nodes ORDER BY node_id").fetch_all(&mut sqlite).await.unwrap();
    let wanted: Vec<(String, String)> =
        nodes.iter().map(|(id, node)| (id.clone(), node["enr"].as_str().unwrap().to_owned())).collect();
    assert_eq!(mirrored, wanted);
    let edges: u64 = sqlx::query_scalar("SELECT COUNT(*) FROM crawl_neighbours").fetch_one(&mut sqlite).await.unwrap();
    assert_eq!(json!(edges), result["edges"]);
    let epochs: Vec<i64> = sqlx::query_scalar("SELECT epoch FROM crawl_epochs").fetch_all(&mut sqlite).await.unwrap();
    assert_eq!(epochs, [1]);
    devnet.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_jobs_do_one_crawls_work() {
    let scratch = Scratch::new();
    let (mut devnet, network) = devnet(&scratch).await;
    let collector = Collector::up(&scratch, &["--pool", "heavy=3x1"]).await;
    let id = collector.submit(&spec(&network["bootnode"], &json!({"shards": 3, "concurrency": 4}))).await;
    let all = eventually("it has made its helpers", async || {
        let listed = collector.get("/execution/list?platform=enr_crawl").await.json;
        Some(listed["jobs"].as_array()?.clone()).filter(|jobs| jobs.len() == 3)
    })
    .await;
    // One is killed in the middle: the others, or its next run, do its part.
    let victim = all.iter().find(|job| job["job_id"] != id.as_str()).unwrap()["job_id"].as_str().unwrap();
    let running = eventually("it crawls", async || {
        let job = collector.job(victim).await;
        (job["progress"].as_f64() > Some(0.1)).then_some(job)
    })
    .await;
    signal(pid_of(&running), Signal::KILL);
    for job in &all {
        let job = collector.reaches(job["job_id"].as_str().unwrap(), "succeeded").await;
        assert_eq!(job["result"]["reachable"], network["live"], "{job}");
        assert_eq!(job["result"]["unreachable"], network["dead"], "{job}");
        // Each says what all of them found, and who helped says so.
        let (message, found) = (job["message"].as_str().unwrap(), job["result"]["found"].as_u64().unwrap());
        let wanted = format!("{found} nodes found in ");
        if job["job_id"] == id.as_str() {
            assert!(message.starts_with(&wanted), "{job}");
        } else {
            assert!(message.starts_with("helped with ") && message.contains(&wanted), "{job}");
        }
    }
    // Nobody was counted twice, and nobody's neighbours were asked for twice.
    let counted = counts(&collector, "local", 1).await;
    for name in ["found", "answered", "drained", "live"] {
        assert_eq!(json!(counted[name]), network["live"], "{name}: {counted:?}");
    }
    devnet.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_without_end_keeps_up_with_its_network() {
    let scratch = Scratch::new();
    let args = ["devnet", "--nodes", "24", "--dead", "0", "--churn", "4", "--json"];
    let mut devnet = Collector::silent(&scratch, &args, &[]);
    let network: Value = serde_json::from_str(&devnet.line().await).unwrap();
    let collector = Collector::up(&scratch, &["--pool", "standing=1x4"]).await;
    let more = json!({"epochs": 0, "epoch_s": 1, "drain_s": 2, "ladder": [0, 50, 100], "request_timeout_ms": 250});
    let id = collector.submit(&spec(&network["bootnode"], &more)).await;
    eventually("everybody is known", async || {
        (json!(stored(&collector, "local", "nodes").await.len()) == network["live"]).then_some(())
    })
    .await;

    // A node restarts elsewhere with a newer record: that is what the store has soon, and the old one is history.
    let restarted = eventually("a node restarts", async || {
        let said = devnet.stderr();
        said.lines().last().and_then(|line| line.strip_prefix("restarted ")).map(str::to_owned)
    })
    .await;
    let node = eventually("its newer record is stored", async || {
        let nodes = stored(&collector, "local", "nodes").await;
        nodes.into_iter().find(|(_, node)| node["enr"] == restarted.as_str())
    })
    .await;
    let mut redis = collector.redis().await;
    let part = u8::from_str_radix(&node.0[..1], 16).unwrap();
    let history: String = redis.hget(format!("{{etlas:0}}:crawl:local:history:{part}"), &node.0).await.unwrap();
    assert!(history.contains(r#""enr":"enr:"#), "{history}");

    // Its process is killed: it goes on, and has forgotten nobody.
    let running = collector.job(&id).await;
    signal(pid_of(&running), Signal::KILL);
    let again = collector.runs_again(&id, 2).await;
    assert_eq!(again["pool"], "standing", "{again}");
    assert_eq!(json!(stored(&collector, "local", "nodes").await.len()), network["live"]);

    // The whole network goes: epoch by epoch its nodes lose their freshness, and leave.
    devnet.kill().await;
    eventually("everybody has left", async || stored(&collector, "local", "nodes").await.is_empty().then_some(()))
        .await;
    assert_eq!(json!(stored(&collector, "local", "gone").await.len()), network["live"]);
    let job = collector.job(&id).await;
    assert_eq!((&job["status"], &job["attempt"]), (&json!("running"), &json!(1)), "{job}");
    collector.cancel(&id).await;
    collector.reaches(&id, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_nowhere_leaves() {
    let scratch = Scratch::new();
    let mut devnet = Collector::silent(&scratch, &["devnet", "--nodes", "4", "--dead", "0", "--json"], &[]);
    let network: Value = serde_json::from_str(&devnet.line().await).unwrap();
    let collector = Collector::up(&scratch, &["--pool", "standing=1x1"]).await;
    // The newest record of a member names an address where nobody goes.
    let member = record(1);
    Network::new(&collector, "local", THEN).await.put("nodes", &id(&member), live(&member, 3).to_string()).await;
    let more = json!({"epochs": 0, "epoch_s": 1, "ladder": [100]});
    let job = collector.submit(&spec(&network["bootnode"], &more)).await;
    eventually("it has left", async || stored(&collector, "local", "gone").await.remove(&id(&member))).await;
    let nodes = stored(&collector, "local", "nodes").await;
    assert!(!nodes.contains_key(&id(&member)), "{nodes:?}");
    collector.cancel(&job).await;
    collector.reaches(&job, "cancelled").await;
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
