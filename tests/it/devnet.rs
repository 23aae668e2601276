//! `collector devnet`: a network that can be crawled, whose nodes restart if asked to, and that ends when told to.

use std::{
    io::{BufRead, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use discv5::Enr;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually, finished, http::client};

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

/// A synthetic network that takes orders, and says what it is in the first line.
fn synthetic(options: &[&str]) -> (Child, BufReader<ChildStdout>, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_collector"))
        .args(["devnet", "--synthetic", "--json"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let network = answer(&mut answers);
    (child, answers, network)
}

fn answer(answers: &mut impl BufRead) -> Value {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_synthetic_network_does_what_it_is_told_until_nobody_tells_it_anything() {
    let (mut child, mut answers, network) = synthetic(&["--nodes", "200", "--dead", "0.25", "--seed", "4"]);
    let mut orders = child.stdin.take().unwrap();
    assert_eq!((&network["nodes"], &network["live"], &network["dead"]), (&json!(200), &json!(150), &json!(50)));
    let mut say = |order: &str| {
        writeln!(orders, "{order}").unwrap();
        answer(&mut answers)
    };
    let before = say(r#"{"order":"truth"}"#);
    let bootnode: Enr = network["bootnode"].as_str().unwrap().parse().unwrap();
    assert_eq!(before["truth"][0]["enr"], network["bootnode"]);
    assert!(bootnode.ip4().is_some_and(|ip| ip.is_loopback()));
    let ticked = say(r#"{"order":"tick","leave":0.1,"bump":0.2}"#);
    assert_eq!(ticked["tick"], json!({"left": 15, "joined": 15, "bumped": 30, "moved": 0}));
    let after = say(r#"{"order":"truth"}"#);
    let newer = after["truth"].as_array().unwrap().iter().filter(|row| row["seq"] == 2).count();
    assert_eq!((after["truth"].as_array().unwrap().len(), newer), (215, 30));
    assert_eq!(say(r#"{"order":"counters"}"#)["counters"]["packets_in"], 0);
    assert!(say("nonsense")["error"].is_string());
    drop(orders);
    assert_eq!(child.wait().unwrap().code(), Some(0));

    // The same seed, the same nodes; only the port in their records is another.
    let ids = |truth: &Value| -> Vec<Value> {
        truth["truth"].as_array().unwrap().iter().map(|row| json!([row["id"], row["tells"]])).collect()
    };
    let (mut child, mut answers, _) = synthetic(&["--nodes", "200", "--dead", "0.25", "--seed", "4"]);
    let mut orders = child.stdin.take().unwrap();
    writeln!(orders, r#"{{"order":"truth"}}"#).unwrap();
    assert_eq!(ids(&answer(&mut answers)), ids(&before));
    drop(orders);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for options in [
        ["--synthetic", "--churn=5", "--nodes=9"],
        ["--loss=0.1", "--nodes=9", "--json"],
        ["--synthetic", "--loss=1.5", "--json"],
        ["--nodes=10001", "--json", "--dead=0.1"],
        ["--synthetic", "--nodes=100001", "--json"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_collector")).arg("devnet").args(options).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_bench_compares_a_crawl_with_the_truth() {
    let bench = ["bench", "crawl", "--nodes", "150", "--json"];
    let output = Command::new(env!("CARGO_BIN_EXE_collector")).args(bench).output().unwrap();
    let scenes: Value = serde_json::from_slice(&output.stdout).unwrap();
    let scene = &scenes[0];
    assert_eq!((&scene["nodes_true"], &scene["nodes_found"]), (&json!(150), &json!(150)), "{scene}");
    assert_eq!((&scene["edges_forged"], &scene["bans"]), (&json!(0), &json!(0)), "{scene}");
    let (edges, all) = (scene["edges_found"].as_u64().unwrap(), scene["edges_true"].as_u64().unwrap());
    assert!(all > 150 * 16 * 3 && edges * 100 > all * 99, "{scene}");
    assert!(scene["cpu_ms_per_node"].as_f64().unwrap() > 0.0 && scene["packets_per_node"].as_f64().unwrap() > 15.0);
    let met = scene["bars"].as_array().unwrap().iter().all(|bar| bar["met"] == true);
    assert_eq!(output.status.code(), Some(i32::from(!met)), "{scene}");
}

#[tokio::test]
async fn full_nodes_answer_as_they_are_told_to() {
    let scratch = Scratch::new();
    let options = ["devnet", "--hathor", "3", "--connections", "4", "--manner", "1=failing", "--churn", "1", "--json"];
    let mut devnet = Collector::silent(&scratch, &options, &[]);
    let said: Value = serde_json::from_str(&devnet.line().await).unwrap();
    assert_eq!((said["nodes"].as_array().unwrap().len(), &said["network"]), (3, &json!("devnet")));
    let ask = async |number: usize| {
        let url = format!("{}v1a/status", said["nodes"][number].as_str().unwrap());
        let response = client().get(url).send().await.unwrap();
        let status = response.status().as_u16();
        #[expect(clippy::disallowed_methods, reason = "the answer comes from the test's own node")]
        let text = response.text().await.unwrap();
        (status, serde_json::from_str::<Value>(&text).unwrap_or_default())
    };
    let (status, first) = ask(0).await;
    assert_eq!((status, first["connections"]["connected_peers"].as_array().unwrap().len()), (200, 4));
    assert_eq!(ask(1).await.0, 503);
    eventually("the nodes restart", async || {
        (ask(0).await.1["server"]["uptime"].as_f64().unwrap() < 100.0).then_some(())
    })
    .await;
    let restarted = format!("restarted {}", first["server"]["id"].as_str().unwrap());
    eventually("that is said", async || devnet.stderr().contains(&restarted).then_some(())).await;
    assert_eq!(devnet.stop().await.code(), Some(0));
    for options in [&["--manner", "0=odd"][..], &["--manner", "hung"], &["--synthetic"]] {
        let refused = finished(&scratch, [&["devnet", "--hathor", "1"], options].concat(), &[]).await;
        assert_eq!(refused.code, Some(2), "{options:?}: {}", refused.stderr);
    }
}
