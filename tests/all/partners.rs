//! The crawl against discv5 nodes of another implementation (`tests/partners/discv5`): what our own nodes and our own
//! client could both get wrong in the same way, they get right.

use std::{fs, path::Path, process::Stdio};

use discv5::Enr;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::support::{Collector, Scratch};

/// The package as it stands in the repository.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/partners/discv5");

/// Nodes that run until this is dropped.
struct Partners {
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    nodes: Vec<Node>,
    _process: Child,
}

#[derive(Deserialize)]
struct Node {
    enr: Enr,
    #[serde(rename = "node_id")]
    id: String,
    udp: u16,
}

impl Partners {
    /// Installs them into `scratch`, so that no other run of this test can be in the way, and starts them.
    async fn start(scratch: &Scratch, count: usize, bootnode: Option<&str>) -> Self {
        for file in ["package.json", "package-lock.json", "peers.mjs"] {
            fs::copy(Path::new(PACKAGE).join(file), scratch.path().join(file)).unwrap();
        }
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        let installed = Command::new("npm").args(install).current_dir(scratch.path()).output().await;
        let installed = installed.expect("npm is missing: apt-get install nodejs npm");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        let mut process = Command::new("node")
            .arg("peers.mjs")
            .arg(count.to_string())
            .args(bootnode)
            .current_dir(scratch.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut nodes = Vec::new();
        for _ in 0..count {
            let line = said.next_line().await.unwrap().expect("a node for each");
            nodes.push(serde_json::from_str(&line).unwrap());
        }
        Self { orders: process.stdin.take().unwrap(), said, nodes, _process: process }
    }

    async fn stop(&mut self, index: usize) {
        self.orders.write_all(format!("stop {index}\n").as_bytes()).await.unwrap();
        let said = self.said.next_line().await.unwrap().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), json!({ "stopped": index }));
    }
}

/// Crawls from this node; the rows of what was found.
async fn crawl(collector: &Collector, bootnode: &str) -> Vec<Value> {
    let spec = json!({"platform_id": "enr_crawl", "settings": {"bootnodes": [bootnode]}});
    let id = collector.submit(&spec).await;
    collector.reaches(&id, "succeeded").await;
    let job = collector.get(&format!("/execution/get?job_id={id}&full")).await.json;
    job["processed"]["rows"].as_array().unwrap().clone()
}

/// Whether this node answered; its row must say of it what its own record says.
fn answered(rows: &[Value], node: &Node) -> bool {
    let row = rows.iter().find(|row| row["node_id"].as_str().is_some_and(|id| id.ends_with(&node.id)));
    let row = row.unwrap_or_else(|| panic!("{} was not found among {rows:?}", node.enr));
    assert_eq!((&row["udp"], &row["ip"], &row["seq"]), (&json!(node.udp), &json!("127.0.0.1"), &json!(node.enr.seq())));
    row["reachable"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_theirs_is_found_whole() {
    let scratch = Scratch::new();
    let mut theirs = Partners::start(&scratch, 12, None).await;
    let collector = Collector::up(&scratch, &["--pool", "heavy=1x1"]).await;
    let rows = crawl(&collector, &theirs.nodes[0].enr.to_base64()).await;
    assert_eq!(rows.len(), 12);
    assert!(theirs.nodes.iter().all(|node| answered(&rows, node)), "{rows:?}");

    theirs.stop(5).await;
    let rows = crawl(&collector, &theirs.nodes[0].enr.to_base64()).await;
    for (index, node) in theirs.nodes.iter().enumerate() {
        assert_eq!(answered(&rows, node), index != 5, "{index}: {rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn theirs_and_ours_are_one_network() {
    let scratch = Scratch::new();
    let mut devnet = Collector::silent(&scratch, &["devnet", "--nodes", "24", "--dead", "0", "--json"], &[]);
    let network: Value = serde_json::from_str(&devnet.line().await).unwrap();
    let ours = network["bootnode"].as_str().unwrap();
    let theirs = Partners::start(&scratch, 4, Some(ours)).await;
    let collector = Collector::up(&scratch, &["--pool", "heavy=1x1"]).await;
    for bootnode in [ours, &theirs.nodes[3].enr.to_base64()] {
        let rows = crawl(&collector, bootnode).await;
        assert_eq!(rows.len(), 28, "{rows:?}");
        assert!(rows.iter().all(|row| row["reachable"] == true), "{rows:?}");
        assert!(theirs.nodes.iter().all(|node| answered(&rows, node)), "{rows:?}");
    }
}
