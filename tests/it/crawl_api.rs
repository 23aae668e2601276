//! `GET /crawl/…` over a store that the documented keys, and nothing else, were written to: whoever has Redis can.

use std::{collections::BTreeSet, time::Duration};

use enr::{CombinedKey, Enr, k256};
use futures_util::StreamExt as _;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Collector, Scratch, contract, finished, http::client};

/// When everything in the store happened, ms since 1970.
const THEN: u64 = 1_700_000_000_000;

type Record = Enr<CombinedKey>;

/// The record of a key of its own, with an address of its own.
fn record(number: u32) -> Record {
    let mut secret = [1; 32];
    secret[28..].copy_from_slice(&number.to_be_bytes());
    let key = CombinedKey::from(k256::ecdsa::SigningKey::from_bytes(&secret.into()).unwrap());
    let [.., c, d] = number.to_be_bytes();
    let mut builder = Enr::builder();
    builder.ip4([198, 51, c, d].into()).udp4(9000).tcp4(9001).seq(u64::from(number) + 1);
    if number % 2 == 0 {
        let eth2 = [&[0xb5, 0x30, 0x3f, 0x2a, 6, 0, 0, 0][..], &[0xff; 8]].concat();
        builder.add_value("eth2", &bytes::Bytes::from(eth2));
    }
    builder.build(&key).unwrap()
}

fn id(record: &Record) -> String {
    record.node_id().raw().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn live(record: &Record, freshness: u32) -> Value {
    json!({
        "enr": record.to_base64(), "first_seen": THEN, "up_since": THEN, "last_seen": THEN + 60_000,
        "last_checked": THEN + 60_000, "drained_at": 0, "freshness": freshness, "missed": 0, "rtt_us": 1500,
        "checked": 3, "answered": 3, "tracked": 2, "curve": [1, 2, freshness],
    })
}

/// A network in a collector's Redis.
struct Network {
    redis: MultiplexedConnection,
    name: &'static str,
}

impl Network {
    async fn new(collector: &Collector, name: &'static str, began_at: u64) -> Self {
        let mut network = Self { redis: collector.redis().await, name };
        let _: () =
            redis::cmd("HSET").arg("{etlas:0}:crawls").arg(name).arg(0).query_async(&mut network.redis).await.unwrap();
        let about = network.key("about");
        let mut hset = redis::cmd("HSET");
        hset.arg(about).arg("root").arg("test").arg("epoch").arg(3).arg("started_at").arg(THEN).arg("began").arg(1);
        hset.arg("began_at").arg(began_at).arg("closed").arg(2).arg("last").arg(0);
        network.run(&hset).await;
        network
    }

    fn key(&self, name: &str) -> String {
        format!("{{etlas:0}}:crawl:{}:{name}", self.name)
    }

    async fn run(&mut self, command: &redis::Cmd) {
        let _: redis::Value = command.query_async(&mut self.redis).await.unwrap();
    }

    /// Writes a field of one of the hashes that are parted by node ids.
    async fn put(&mut self, hash: &str, id: &str, value: impl redis::ToRedisArgs) {
        let part = u8::from_str_radix(&id[..1], 16).unwrap();
        let key = self.key(&format!("{hash}:{part}"));
        self.run(redis::cmd("HSET").arg(key).arg(id).arg(value)).await;
    }

    async fn knows(&mut self, record: &Record, neighbours: &[&Record]) {
        let told: Vec<u8> = neighbours.iter().flat_map(|other| other.node_id().raw()).collect();
        self.put("neighbours", &id(record), told).await;
    }
}

async fn up(scratch: &Scratch) -> Collector {
    Collector::up(scratch, &["--pool", "light=1x1"]).await
}

#[tokio::test]
async fn networks_are_found_by_name_and_the_newest_without() {
    let scratch = Scratch::new();
    let collector = up(&scratch).await;
    assert_eq!(collector.get("/crawl/networks").await.json, json!({"networks": []}));
    assert_eq!(collector.get("/crawl/stats").await.json["code"], "unknown_network");
    let mut old = Network::new(&collector, "old", THEN - 1).await;
    let mut new = Network::new(&collector, "mainnet", THEN).await;
    old.put("nodes", &id(&record(1)), live(&record(1), 1).to_string()).await;
    for n in [2, 3] {
        new.put("nodes", &id(&record(n)), live(&record(n), n).to_string()).await;
    }
    let members = new.key("members");
    new.run(redis::cmd("ZADD").arg(&members).arg(1).arg("late").arg(9_000_000_000_000_u64).arg("there")).await;
    let all = collector.get("/crawl/networks").await.json;
    assert_eq!(
        all["networks"][0],
        json!({
            "name": "mainnet", "epoch": 3, "began_at": "2023-11-14T22:13:20.000Z",
            "started_at": "2023-11-14T22:13:20.000Z", "nodes": 2, "candidates": 0, "members": 1,
        })
    );
    assert_eq!((&all["networks"][1]["name"], &all["networks"][1]["nodes"]), (&json!("old"), &json!(1)));
    for (query, name, nodes) in [("", "mainnet", 2), ("?network=old", "old", 1), ("?network=mainnet", "mainnet", 2)] {
        let page = collector.get(&format!("/crawl/nodes{query}")).await;
        assert_eq!(page.json["network"], name, "{}", page.text);
        assert_eq!(page.json["nodes"].as_array().unwrap().len(), nodes);
        let stats = collector.get(&format!("/crawl/stats{query}")).await.json;
        assert_eq!((&stats["network"], &stats["nodes"]), (&json!(name), &json!(nodes)));
    }
    let other = collector.get("/crawl/nodes?network=other").await;
    assert_eq!((other.status, &other.json["code"]), (404, &json!("unknown_network")));
}

/// All ids of a list, page by page.
async fn walk(collector: &Collector, query: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = collector.get(&format!("/crawl/nodes?{query}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let nodes = page.json["nodes"].as_array().unwrap();
        ids.extend(nodes.iter().map(|node| node["node_id"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["cursor"].as_str() else { return ids };
        assert!(!nodes.is_empty());
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn pages_have_no_gaps_and_no_doubles_and_filters_hold() {
    let scratch = Scratch::new();
    let collector = up(&scratch).await;
    let mut network = Network::new(&collector, "mainnet", THEN).await;
    let mut wanted = BTreeSet::new();
    for n in 0..500 {
        let record = record(n);
        network.put("nodes", &id(&record), live(&record, n % 10).to_string()).await;
        wanted.insert(id(&record));
        let heard = json!({"enr": record.to_base64(), "heard_at": THEN, "tries": 1, "asked": 2, "next": 4});
        let mut gone = live(&record, 1);
        gone["gone_at"] = json!(THEN + 90_000);
        if n < 60 {
            network.put("candidates", &id(&record), heard.to_string()).await;
            network.put("gone", &id(&record), gone.to_string()).await;
        }
    }
    let wanted: Vec<String> = wanted.into_iter().collect();
    for limit in [7, 50, 499, 500] {
        assert_eq!(walk(&collector, &format!("limit={limit}")).await, wanted, "limit {limit}");
    }
    for (query, count) in [
        ("limit=100&fork=eth2/b5303f2a", 250),
        ("limit=100&fork=b5303f2a", 250),
        ("limit=100&fork=eth/b5303f2a", 0),
        ("limit=100&client=lighthouse", 0),
        ("limit=100&subnet=198.51.1.0/24", 244),
        ("limit=100&subnet=198.51.0.0/16", 500),
        ("limit=100&subnet=2001:db8::/32", 0),
        ("limit=100&freshness_min=9", 50),
        ("limit=100&seen_since=2023-11-14T22:14:20Z", 500),
        ("limit=100&seen_since=2023-11-14T22:14:20.001Z", 0),
        ("limit=100&seen_since=PT1H", 0),
        ("limit=100&freshness_min=5&fork=b5303f2a", 100),
        ("limit=7&state=candidate", 60),
        ("limit=7&state=gone", 60),
        ("limit=7&state=gone&fork=b5303f2a", 30),
    ] {
        let ids = walk(&collector, query).await;
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), count, "{query}");
        assert_eq!(ids.len(), count, "{query}");
        assert!(ids.is_sorted(), "{query}");
    }
    let page = collector.get("/crawl/nodes?limit=1").await.json;
    let cursor = page["cursor"].as_str().unwrap();
    for query in [format!("limit=1&freshness_min=1&cursor={cursor}"), "cursor=AAAA".into(), "cursor=".into()] {
        let answer = collector.get(&format!("/crawl/nodes?{query}")).await;
        assert_eq!((answer.status, &answer.json["code"]), (400, &json!("bad_cursor")), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_node_is_shown_with_its_neighbours_and_its_past() {
    let scratch = Scratch::new();
    let collector = up(&scratch).await;
    let mut network = Network::new(&collector, "mainnet", THEN).await;
    let [a, b, c, d] = [2, 3, 4, 5].map(record);
    for record in [&a, &b] {
        network.put("nodes", &id(record), live(record, 4).to_string()).await;
    }
    network.knows(&a, &[&b, &c]).await;
    network.knows(&b, &[&a]).await;
    let line = |seq: u64| json!({"seq": seq, "enr": a.to_base64(), "until": THEN}).to_string();
    network.put("history", &id(&a), format!("{}\nnonsense\n{}", line(1), line(2))).await;
    let heard = json!({"enr": c.to_base64(), "heard_at": THEN, "tries": 1, "asked": 2, "next": 4});
    network.put("candidates", &id(&c), heard.to_string()).await;
    let get = async |record: &Record| collector.get(&format!("/crawl/node?id={}", id(record))).await;
    let shown = get(&a).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let node = shown.json;
    assert_eq!((&node["state"], &node["neighbours"]), (&json!("live"), &json!(2)));
    assert_eq!(node["neighbour_ids"]["out"], json!([id(&b), id(&c)]));
    assert_eq!((&node["neighbour_ids"]["in"], &node["neighbour_ids"]["in_count"]), (&json!([id(&b)]), &json!(1)));
    let history = json!({"seq": 1, "enr": a.to_base64(), "until": "2023-11-14T22:13:20.000Z"});
    assert_eq!(node["history"][0], history);
    assert_eq!(node["history"].as_array().map(Vec::len), Some(2));
    assert_eq!((&node["curve"], &node["rtt_ms"]), (&json!([1, 2, 4]), &json!(1.5)));
    assert_eq!(
        node["record"]["eth2"],
        json!({"fork_digest": "b5303f2a", "next_fork_version": "06000000"}),
        "{}",
        node["record"]
    );
    assert_eq!((&node["record"]["udp"], &node["record"]["unknown"]), (&json!(9000), &json!([])));
    assert_eq!(get(&c).await.json["state"], "candidate");
    let mut gone = live(&d, 1);
    gone["gone_at"] = json!(THEN + 90_000);
    network.put("gone", &id(&d), gone.to_string()).await;
    network.put("candidates", &id(&d), heard.to_string()).await;
    assert_eq!(get(&d).await.json["state"], "gone");
    let unknown = get(&record(9)).await;
    assert_eq!((unknown.status, &unknown.json["code"]), (404, &json!("unknown_node")));
}

#[tokio::test]
async fn a_network_is_written_in_every_format() {
    let scratch = Scratch::new();
    let collector = up(&scratch).await;
    let mut network = Network::new(&collector, "mainnet", THEN).await;
    let empty = collector.get("/crawl/export?format=nodes.json").await;
    assert_eq!(empty.text, "{}");
    let records: Vec<Record> = (0..450).map(record).collect();
    for record in &records {
        network.put("nodes", &id(record), live(record, 4).to_string()).await;
    }
    network.knows(&records[0], &[&records[1], &record(9999), &records[2]]).await;
    // The reading of the empty network has to grow old first.
    crate::support::eventually("the export shows the nodes", async || {
        (collector.get("/crawl/export?format=nodes.json").await.text != "{}").then_some(())
    })
    .await;
    let get = async |format: &str| {
        let answer = collector.get(&format!("/crawl/export?format={format}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    };
    let nodes = get("nodes.json").await;
    assert_eq!(nodes.headers["content-disposition"], "attachment; filename=\"mainnet.nodes.json\"");
    assert_eq!(nodes.json.as_object().unwrap().len(), 450);
    // As Go's encoder writes it: by id, indented by four.
    let sorted: std::collections::BTreeMap<String, Value> = serde_json::from_str(&nodes.text).unwrap();
    let ids: Vec<&String> = sorted.keys().collect();
    assert_eq!(
        nodes.json[id(&records[0])],
        json!({
            "seq": 1, "record": records[0].to_base64(), "score": 4, "firstResponse": "2023-11-14T22:13:20Z",
            "lastResponse": "2023-11-14T22:14:20Z", "lastCheck": "2023-11-14T22:14:20Z",
        })
    );
    assert!(nodes.text.starts_with(&format!("{{\n    \"{}\": {{\n        \"seq\": ", ids[0])), "{}", &nodes.text[..99]);
    assert!(nodes.text.ends_with("\n    }\n}"));

    let csv = get("csv").await;
    assert_eq!(csv.text.lines().count(), 451);
    assert!(csv.text.contains(&format!("\r\n{},198.51.0.0,9000,9001,,,eth2/b5303f2a,1,4,0,1.5,", id(&records[0]))));
    assert_eq!(collector.get("/crawl/export?format=csv&fork=b5303f2a").await.text.lines().count(), 226);
    let lines = get("jsonl").await;
    let rows: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 450);
    let first = rows.iter().find(|row| row["node_id"] == id(&records[0])).unwrap();
    assert_eq!((&first["neighbours"], &first["state"]), (&json!(3), &json!("live")));

    let graph = get("graphml").await;
    assert_eq!(graph.text.matches("<node id=").count(), 450);
    assert_eq!(graph.text.matches("<edge ").count(), 2, "to live nodes only");
    well_formed(&graph.text);

    let tree = get("enrtree&domain=Nodes.example.org").await;
    let again = get("enrtree&domain=nodes.example.org").await;
    assert_eq!(tree.text, again.text, "the same key, the same tree");
    assert_eq!(tree.text.matches("\"enr:").count(), 450);
    assert!(
        tree.text.starts_with("; enrtree://")
            && tree.text.contains("@nodes.example.org\nnodes.example.org. TXT \"enrtree-root:v1 e=")
    );
    let key = std::fs::metadata(scratch.path().join("data/enrtree.key")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&key) & 0o777, 0o600);
}

/// Panics unless every tag is closed in its order and text is escaped.
fn well_formed(xml: &str) {
    let mut open = Vec::new();
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains(['>', '&']), "{}", &rest[..start]);
        let end = rest.find('>').unwrap();
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty() && rest.trim().is_empty());
}

#[tokio::test]
async fn what_happens_is_told_and_can_be_caught_up_with() {
    let scratch = Scratch::new();
    let mut collector = up(&scratch).await;
    let mut network = Network::new(&collector, "mainnet", THEN).await;
    let say = async |network: &mut Network, what: &str| -> String {
        let node = record(7);
        let event = json!({
            "type": what, "node_id": id(&node), "seq": node.seq(), "enr": node.to_base64(), "epoch": 3, "at": THEN,
        });
        let key = network.key("events");
        let mut xadd = redis::cmd("XADD");
        xadd.arg(key).arg("*").arg("event").arg(event.to_string());
        xadd.query_async(&mut network.redis).await.unwrap()
    };
    say(&mut network, "found").await;
    let mut stream = Stream::open(&collector, None).await;
    let first = say(&mut network, "updated").await;
    assert_eq!(stream.next().await.map(|(id, name, _)| (id, name)), Some((first.clone(), "updated".into())));
    drop(stream);
    let second = say(&mut network, "gone").await;
    let mut back = Stream::open(&collector, Some(&first)).await;
    assert_eq!(back.next().await.map(|(id, name, _)| (id, name)), Some((second, "gone".into())));
    let mut late = Stream::open(&collector, Some("1-0")).await;
    assert_eq!(late.next().await.map(|(_, name, data)| (name, data)), Some(("reset".into(), json!({"type": "reset"}))));
    let bad = client().get(format!("{}/crawl/events", collector.base)).header("last-event-id", "x");
    assert_eq!(collector.ask(bad).await.json["code"], "bad_event_id");
    // A stop ends the streams.
    assert!(collector.stop().await.success());
    assert_eq!(back.next().await, None);
}

#[tokio::test]
async fn the_command_line_shows_the_same() {
    let scratch = Scratch::new();
    let collector = up(&scratch).await;
    let mut network = Network::new(&collector, "mainnet", THEN).await;
    for n in 0..30 {
        network.put("nodes", &id(&record(n)), live(&record(n), n).to_string()).await;
    }
    let run = async |args: &str| {
        let args = ["crawl", "--api", &collector.base].into_iter().chain(args.split(' '));
        finished(&scratch, args, &[]).await
    };
    let nodes = run("nodes --freshness-min 5 --limit 24 --json").await;
    let page: Value = serde_json::from_str(&nodes.stdout).unwrap_or_else(|_| panic!("{}", nodes.stderr));
    assert_eq!((page["nodes"].as_array().map(Vec::len), page["cursor"].is_string()), (Some(24), true));
    let cursor = page["cursor"].as_str().unwrap();
    let rest = run(&format!("nodes --freshness-min 5 --limit 24 --cursor {cursor}")).await;
    assert_eq!(rest.stdout.matches("198.51.0.").count(), 1, "{}", rest.stdout);
    assert!(run("networks").await.stdout.contains("mainnet"));
    let node = run(&format!("node {}", id(&record(7)))).await;
    assert!(node.stdout.contains("198.51.0.7"), "{}", node.stdout);
    assert!(run("stats --network mainnet").await.stdout.contains("estimate"));
    let file = run("export csv").await;
    assert_eq!((file.code, file.stdout.lines().count()), (Some(0), 31), "{}", file.stderr);
    assert_eq!(run("stats --network other").await.code, Some(1));
    assert_eq!(run("export xml").await.code, Some(2));
}

/// An open event stream.
struct Stream {
    bytes: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>>>>,
    text: String,
}

impl Stream {
    async fn open(collector: &Collector, last: Option<&str>) -> Self {
        let mut request = client().get(format!("{}/crawl/events", collector.base));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        contract::check(&reqwest::Method::GET, "/crawl/events", response.status(), response.headers(), "");
        assert_eq!(response.status(), 200);
        Self { bytes: Box::pin(response.bytes_stream()), text: String::new() }
    }

    /// Its id, its name, its data; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                let event = Some((field("id")?.to_owned(), field("event")?.to_owned(), field("data")?.to_owned()));
                self.text = rest.to_owned();
                let (id, name, data) = event?;
                contract::check_crawl_event(&name, &data);
                return Some((id, name, serde_json::from_str(&data).unwrap()));
            }
            let more = timeout(Duration::from_secs(30), self.bytes.next()).await.expect("in time")?;
            self.text.push_str(std::str::from_utf8(&more.ok()?).unwrap());
        }
    }
}
