//! `GET /network…`, `GET /node…`: what `node_status` keeps, read and followed.

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use collector::devnet::hathor::{Hathor, Manner, Plan};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

use crate::support::{Collector, Scratch, contract, eventually, http::client};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn hathor(nodes: u16, connections: u16) -> Hathor {
    Hathor::start(&Plan { nodes, connections, port: 0, jitter: Duration::ZERO, manners: Vec::new() }).await.unwrap()
}

async fn up(scratch: &Scratch) -> Collector {
    Collector::up(scratch, &["--pool", "light=1x4", "--pool", "standing=1x4"]).await
}

async fn watch(collector: &Collector, hathor: &Hathor) -> String {
    let settings =
        json!({"nodes": hathor.urls(), "interval_ms": 334, "timeout_ms": 5000, "rounds": 0, "node_ttl_s": 2});
    collector.submit(&json!({"platform_id": "node_status", "settings": settings})).await
}

async fn connect(collector: &Collector, query: &str, origin: Option<&str>) -> Result<Socket, tungstenite::Error> {
    let url = format!("{}/network/ws{query}", collector.base.replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The next Network; `None` at the end.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match timeout(Duration::from_secs(30), socket.next()).await.expect("in time")?.ok()? {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                contract::check_network_event(message["type"].as_str().unwrap(), &text);
                return Some(message);
            }
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// The revision there is, once there is one.
async fn revision(collector: &Collector) -> u64 {
    eventually("there is a network", async || {
        let answer = collector.get("/network").await;
        (answer.status == 200).then(|| answer.headers["etag"].to_str().unwrap().trim_matches('"').parse().unwrap())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_and_its_nodes_are_read() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(3, 8).await, up(&scratch).await);
    for path in
        ["/network", "/network?format=legacy", "/network?prefix=other", &format!("/node/{}", "a".repeat(64)), "/node/x"]
    {
        let answer = collector.get(path).await;
        assert_eq!((answer.status, answer.json), (404, json!({"error": "not_found"})), "{path}");
    }
    for path in ["/node", "/node/"] {
        assert_eq!(collector.get(path).await.json, json!([]));
    }
    for path in [
        "/network?x",
        "/network?format=x",
        "/network?prefix=%7B",
        "/node/?x",
        "/network/gone?limit=0",
        "/network/ws?since=x",
    ] {
        let answer = collector.get(path).await;
        assert_eq!((answer.status, &answer.json["error"]), (400, &json!("bad_query")), "{path}: {}", answer.text);
    }
    let id = watch(&collector, &hathor).await;
    revision(&collector).await;
    let answer = collector.get("/network").await;
    assert_eq!(answer.json["nodes"].as_array().unwrap().len(), 3);
    let (etag, modified) =
        (answer.headers["etag"].clone(), answer.headers["last-modified"].to_str().unwrap().to_owned());
    assert!(modified.ends_with(" GMT"), "{modified}");
    let conditional = |tag: &str| client().get(format!("{}/network", collector.base)).header("if-none-match", tag);
    let known = collector.ask(conditional(etag.to_str().unwrap())).await;
    assert_eq!((known.status, known.text.as_str(), &known.headers["etag"]), (304, "", &etag));
    assert_eq!(collector.ask(conditional("\"0\"")).await.status, 200);
    let legacy = collector.get("/network?format=legacy").await;
    assert!(!legacy.headers.contains_key("etag"));
    let (old, new) = (&legacy.json["peers"][0], &answer.json["peers"][0]);
    let ages = old["uptime"].as_f64().unwrap() + new["up_since"].as_f64().unwrap();
    let now = jiff::Timestamp::now().as_second();
    assert!((ages - f64::from(u32::try_from(now).unwrap())).abs() < 30.0, "{old} {new}");
    assert!(old["last_message"].as_i64().unwrap() < 100 && old.get("up_since").is_none(), "{old}");
    let ids = collector.get("/node/").await.json;
    let mut wanted: Vec<String> = (0..3).map(|n| hathor.id(n)).collect();
    wanted.sort();
    assert_eq!(ids, json!(wanted));
    let node = collector.get(&format!("/node/{}", wanted[0])).await.json;
    assert_eq!((&node["id"], &node["network"]), (&json!(wanted[0]), &json!("devnet")));
    assert_eq!(node["connected_peers"].as_array().unwrap().len(), 8);
    assert_eq!(collector.get(&format!("/node/{}?format=legacy", wanted[0])).await.status, 200);
    assert_eq!(collector.get("/network/gone").await.json, json!({"gone": []}));
    for number in 0..3 {
        while hathor.disconnect(number) {}
    }
    eventually("those that left are listed", async || {
        let gone = collector.get("/network/gone?limit=1").await;
        (gone.json["gone"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    collector.cancel(&id).await;
    collector.reaches(&id, "cancelled").await;
    // Nobody polls any more: the nodes are over, the Network is as it was known last.
    eventually("the nodes are over", async || (collector.get("/node").await.json == json!([])).then_some(())).await;
    assert_eq!(collector.get("/network").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_told_of_every_revision_it_has_not() {
    let scratch = Scratch::new();
    let (hathor, mut collector) = (hathor(2, 6).await, up(&scratch).await);
    let mut early = connect(&collector, "", None).await.unwrap();
    watch(&collector, &hathor).await;
    let first = next(&mut early).await.expect("the first network");
    assert_eq!((&first["type"], &first["revision"]), (&json!("network"), &json!(1)));
    assert_eq!(first["data"], collector.get("/network").await.json);
    let same = format!("?since={}", revision(&collector).await);
    let (mut has_it, mut has_not) =
        (connect(&collector, &same, None).await.unwrap(), connect(&collector, "?since=0", None).await.unwrap());
    assert_eq!(next(&mut has_not).await.unwrap()["revision"], 1);
    hathor.advance();
    for socket in [&mut early, &mut has_it, &mut has_not] {
        let told = next(socket).await.unwrap();
        assert!(told["revision"].as_u64() > Some(1), "{}", told["revision"]);
    }
    // It may say what it wants, but not much at once.
    early.send(Message::text("hello")).await.unwrap();
    has_it.send(Message::text("x".repeat(5000))).await.unwrap();
    while next(&mut has_it).await.is_some() {}
    let plain = collector.get("/network/ws").await;
    assert_eq!((plain.status, plain.json), (426, json!({"error": "upgrade_required"})));
    let foreign = connect(&collector, "", Some("https://evil.example")).await.unwrap_err();
    assert!(matches!(&foreign, tungstenite::Error::Http(answer) if answer.status() == 403), "{foreign}");
    connect(&collector, "", Some(&collector.base)).await.unwrap();
    // A stop ends the sockets.
    assert!(collector.stop().await.success());
    while next(&mut early).await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn diffs_make_the_network_of_before_into_the_one_of_now() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(3, 6).await, up(&scratch).await);
    watch(&collector, &hathor).await;
    let mut socket = connect(&collector, "?diff=true", None).await.unwrap();
    let first = next(&mut socket).await.unwrap();
    assert_eq!(first["type"], "network", "who has nothing gets all of it");
    let (mut network, mut told) = (first["data"].clone(), first["revision"].as_u64().unwrap());
    let take_in = |message: &Value, network: &mut Value, told: &mut u64| {
        assert_eq!((&message["type"], &message["since"]), (&json!("diff"), &json!(told)));
        *told = message["revision"].as_u64().unwrap();
        for items in ["nodes", "peers"] {
            apply(&mut network[items], &message["data"][items], &message["data"][format!("{items}_left")]);
        }
    };
    hathor.behave(2, Manner::Failing);
    let mut diffs = 0;
    while diffs < 3 || network["nodes"].as_array().unwrap().len() == 3 {
        hathor.advance();
        take_in(&next(&mut socket).await.unwrap(), &mut network, &mut told);
        diffs += 1;
    }
    // What only runs on at every poll is no difference.
    let settled = |mut network: Value| {
        network["peers"].as_array_mut().unwrap().iter_mut().for_each(|peer| peer["last_message"] = Value::Null);
        network
    };
    // Not every revision is written, but the last one is.
    let whole = loop {
        let (at, whole) = eventually("what was told is written", async || {
            let answer = collector.get("/network").await;
            let at: u64 = answer.headers["etag"].to_str().unwrap().trim_matches('"').parse().unwrap();
            (at >= told).then_some((at, answer.json))
        })
        .await;
        if at == told {
            break whole;
        }
        take_in(&next(&mut socket).await.unwrap(), &mut network, &mut told);
    };
    assert_eq!(settled(network), settled(whole));
    // Who comes back gets what it has missed; the stream tells the same.
    let since = told - 2;
    let mut back = connect(&collector, &format!("?diff=true&since={since}"), None).await.unwrap();
    assert_eq!(next(&mut back).await.unwrap()["since"], since);
    let mut stream = Stream::open(&collector, "?diff=true", Some(&since.to_string())).await;
    let (id, name, data) = stream.next().await;
    assert_eq!((id, name.as_str(), &data["since"]), (Some((since + 1).to_string()), "diff", &json!(since)));
}

/// Does to a list of nodes or peers what a diff says.
fn apply(list: &mut Value, present: &Value, left: &Value) {
    let key = |item: &Value| item["id"].as_str().unwrap().to_owned();
    let mut items: BTreeMap<String, Value> =
        list.as_array().unwrap().iter().map(|item| (key(item), item.clone())).collect();
    items.extend(present.as_array().unwrap().iter().map(|item| (key(item), item.clone())));
    items.retain(|id, _| !left.as_array().unwrap().iter().any(|gone| gone == id));
    *list = items.into_values().collect();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_gets_the_newest_and_everybody_shares_one_reader() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(2, 3000).await, up(&scratch).await);
    let (mut slow, mut quick) =
        (connect(&collector, "", None).await.unwrap(), connect(&collector, "", None).await.unwrap());
    let mut others = Vec::new();
    for _ in 0..100 {
        others.push(connect(&collector, "", None).await.unwrap());
    }
    let blocked = async || {
        let info: redis::InfoDict =
            redis::cmd("INFO").arg("clients").query_async(&mut collector.redis().await).await.unwrap();
        info.get::<u32>("blocked_clients").unwrap()
    };
    assert_eq!(blocked().await, 1, "one reader for all of them");
    drop(others);
    watch(&collector, &hathor).await;
    let (mut told, mut newest) = (0, 0);
    while told < 20 {
        newest = next(&mut quick).await.unwrap()["revision"].as_u64().unwrap();
        hathor.advance();
        told += 1;
    }
    let (mut count, mut seen) = (0, 0);
    while seen < newest {
        let revision = next(&mut slow).await.unwrap()["revision"].as_u64().unwrap();
        assert!(revision > seen, "never back");
        seen = revision;
        count += 1;
    }
    assert!(count < told, "it was told {count} of {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_networks_and_alarms() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(2, 4).await, up(&scratch).await);
    watch(&collector, &hathor).await;
    let mut stream = Stream::open(&collector, "", None).await;
    let mut seen = None;
    while seen.is_none() {
        let (id, name, _) = stream.next().await;
        seen = id.filter(|_| name == "network");
    }
    let mut back = Stream::open(&collector, "", Some(&format!("{}", revision(&collector).await))).await;
    let (_, name, data) = back.next().await;
    assert_eq!((name.as_str(), data), ("alarms", json!({"type": "alarms", "alarms": []})));
    hathor.behave(1, Manner::Failing);
    loop {
        let (_, name, data) = back.next().await;
        if name == "alarms" && data["alarms"][0]["kind"] == "node_silent" {
            assert_eq!(data["alarms"][0]["node"], hathor.urls()[1].as_str());
            break;
        }
    }
    let bad = client().get(format!("{}/network/events", collector.base)).header("last-event-id", "x");
    assert_eq!(collector.ask(bad).await.status, 400);
}

/// An open event stream.
struct Stream {
    bytes: Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>>>>,
    text: String,
}

impl Stream {
    async fn open(collector: &Collector, query: &str, last: Option<&str>) -> Self {
        let mut request = client().get(format!("{}/network/events{query}", collector.base));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        contract::check(&reqwest::Method::GET, "/network/events", response.status(), response.headers(), "");
        Self { bytes: Box::pin(response.bytes_stream()), text: String::new() }
    }

    /// Its id, its name, its data.
    async fn next(&mut self) -> (Option<String>, String, Value) {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                let event = field("event").zip(field("data")).map(|(name, data)| {
                    contract::check_network_event(name, data);
                    (field("id").map(str::to_owned), name.to_owned(), serde_json::from_str(data).unwrap())
                });
                self.text = rest.into();
                match event {
                    Some(event) => return event,
                    None => continue,
                }
            }
            let more = timeout(Duration::from_secs(30), self.bytes.next()).await.expect("in time").unwrap();
            self.text.push_str(std::str::from_utf8(&more.unwrap()).unwrap());
        }
    }
}
