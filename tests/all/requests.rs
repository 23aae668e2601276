//! Requests kept in DynamoDB: everything else may be killed, and Redis emptied, and every client is told exactly once.
//! With `--features dynamodb`, which `make test-all` builds with.

use std::{fs, path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::support::{Collector, Scene, Scratch, children, eventually, kill, redis_server};

/// The package as it stands in the repository.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/partners/dynamodb");

/// A DynamoDB that runs until this is dropped.
struct DynamoDb {
    url: String,
    _server: Child,
}

impl DynamoDb {
    async fn start(scratch: &Scratch) -> Self {
        let dir = scratch.path().join("dynamodb");
        fs::create_dir(&dir).unwrap();
        for file in ["package.json", "package-lock.json", "serve.cjs"] {
            fs::copy(Path::new(PACKAGE).join(file), dir.join(file)).unwrap();
        }
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        let installed = Command::new("npm").args(install).current_dir(&dir).output().await;
        let installed = installed.expect("npm is missing: apt-get install nodejs npm");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        let mut command = Command::new("node");
        command.arg("serve.cjs").current_dir(&dir).stdout(Stdio::piped()).kill_on_drop(true);
        let mut server = command.spawn().unwrap();
        let url = BufReader::new(server.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
        Self { url, _server: server }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_killed_and_redis_emptied_and_every_client_is_told_once() {
    const REQUESTS: usize = 40;

    let scratch = Scratch::new();
    let dynamo = DynamoDb::start(&scratch).await;
    let settings = format!("store = \"dynamodb\"\ndynamodb_url = \"{}\"\nsweep_after = \"500ms\"", dynamo.url);
    let (_providers, receiver, _) = Scene::around(&scratch, &["--providers", "5", "--failing", "0.4"], &settings).await;
    // Of its own, so that no collector takes it along.
    let url = format!("unix://{}", scratch.path().join("r.sock").display());
    let _redis = redis_server(&scratch, &["--port", "0", "--unixsocket", "r.sock"], &url).await;
    let mut redis = redis::Client::open(url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let up = ["--pool", "fetch=1x16", "--redis-url", &url];
    let mut collector = Collector::up(&scratch, &up).await;
    let names: Vec<String> = (0..5).map(|n| format!("p{n}")).collect();
    let mut ids = Vec::new();
    for n in 0..REQUESTS {
        let post = json!({"providers": names, "parameters": {"n": n}, "callbackUrl": receiver.url});
        ids.push(collector.request(&post).await);
    }
    for round in 1..=2 {
        let told = receiver.counts().len();
        eventually("some are called back", async || {
            let counts = receiver.counts().len();
            (counts > told || counts == REQUESTS).then_some(())
        })
        .await;
        // All of it at once: the supervisor, its sanjers, and what Redis knew.
        let sanjers = children(collector.pid());
        collector.kill().await;
        sanjers.into_iter().for_each(kill);
        let () = redis::cmd("FLUSHALL").query_async(&mut redis).await.unwrap();
        let undone = REQUESTS - receiver.counts().len();
        eprintln!("round {round}: killed and emptied with {undone} requests undone");
        collector = Collector::up(&scratch, &up).await;
    }
    for id in &ids {
        let closed: Value = collector.closed(id).await;
        assert_eq!(
            (&closed["status"], &closed["callback"]["state"]),
            (&json!("DONE"), &json!("DELIVERED")),
            "{closed}"
        );
        assert!(closed["jobs"].as_array().unwrap().iter().all(|job| job["status"] == "DONE"), "{closed}");
    }
    let counts = receiver.counts();
    assert_eq!(counts.len(), REQUESTS, "one webhook-id a request");
    for id in &ids {
        // A delivery whose writing-down was killed comes again, under the same id.
        assert!((1..=2).contains(&counts[&format!("req_{id}")]), "{id}: {counts:?}");
        let bodies = receiver.told(&format!("req_{id}"));
        assert!(bodies.iter().all(|body| *body == bodies[0]), "the same every time");
    }
    let listed = collector.get("/request/list?limit=200").await.json;
    assert_eq!(listed["requests"].as_array().map(Vec::len), Some(REQUESTS));
}
