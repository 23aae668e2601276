//! `node_status` against Ethereum nodes of others (`tests/partners/ethereum`): anvil and ganache, in one Network.

use std::{fs, net::TcpListener, path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::support::{Collector, Scratch, eventually, http::client};

/// The package as it stands in the repository.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/partners/ethereum");

/// Installs them into `scratch`, so that no other run of this test can be in the way.
async fn install(scratch: &Scratch) {
    fs::copy(Path::new(PACKAGE).join("package.json"), scratch.path().join("package.json")).unwrap();
    // Without a lock file: the versions are exact, and each platform has a package of its own.
    let install =
        ["install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    let installed = Command::new("npm").args(install).current_dir(scratch.path()).output().await;
    let installed = installed.expect("npm is missing: apt-get install nodejs npm");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
}

/// A node that runs until this is dropped.
struct Node {
    url: String,
    _process: Child,
}

impl Node {
    fn start(scratch: &Scratch, program: &str, port: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new("node")
            .arg(scratch.path().join("node_modules/.bin").join(program))
            .args([port, &address.port().to_string()])
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { url: format!("http://{address}/"), _process: process }
    }

    async fn call(&self, method: &str) -> Option<Value> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": []});
        let request = client().post(&self.url).header("content-type", "application/json").body(call.to_string());
        #[expect(clippy::disallowed_methods, reason = "the answer comes from the test's own node")]
        let text = request.send().await.ok()?.text().await.ok()?;
        serde_json::from_str(&text).ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ethereum_nodes_go_through_the_same_model() {
    let scratch = Scratch::new();
    install(&scratch).await;
    let nodes = [Node::start(&scratch, "anvil", "--port"), Node::start(&scratch, "ganache", "--server.port")];
    for node in &nodes {
        eventually("the node answers", async || node.call("eth_blockNumber").await).await;
    }
    let collector = Collector::up(&scratch, &["--pool", "light=1x2", "--pool", "standing=1x2"]).await;
    let urls: Vec<&str> = nodes.iter().map(|node| node.url.as_str()).collect();
    let settings = json!({"nodes": urls, "kind": "ethereum", "rounds": 0, "interval_ms": 334});
    let id = collector.submit(&json!({"platform_id": "node_status", "settings": settings})).await;
    let heights = async || {
        let network = collector.get("/network").await.json;
        let mut nodes: Vec<(String, u64)> = network["nodes"]
            .as_array()?
            .iter()
            .map(|node| (node["network"].as_str().unwrap().to_owned(), node["best_block"]["height"].as_u64().unwrap()))
            .collect();
        nodes.sort();
        Some(nodes)
    };
    let wanted = |anvil, ganache| [("eip155:1337".to_owned(), ganache), ("eip155:31337".to_owned(), anvil)];
    eventually("both are in the network", async || heights().await.filter(|it| *it == wanted(0, 0))).await;
    let network = collector.get("/network").await.json;
    for node in network["nodes"].as_array().unwrap() {
        let version = node["app_version"].as_str().unwrap();
        assert!(version.starts_with("anvil/") || version.starts_with("Ganache/"), "{version}");
        assert_eq!((&node["state"], &node["up_since"]), (&json!("READY"), &Value::Null));
        assert!(node["best_block"]["id"].as_str().unwrap().starts_with("0x"), "{node}");
    }
    nodes[0].call("evm_mine").await.expect("a block");
    eventually("the block is told", async || heights().await.filter(|it| *it == wanted(1, 0))).await;
    eventually("the job says that both answer", async || {
        (collector.job(&id).await["metadata"]["nodes"]["answering"] == 2).then_some(())
    })
    .await;
}
