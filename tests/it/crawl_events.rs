//! `GET /crawl/events`: what happens in a network, once and in order.

use std::{pin::Pin, time::Duration};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    Collector, Scratch, contract,
    http::client,
    network::{Network, THEN, id, record},
};

#[tokio::test]
async fn what_happens_is_told_and_can_be_caught_up_with() {
    let scratch = Scratch::new();
    let mut collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
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

/// An open event stream.
struct Stream {
    bytes: Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>>>>,
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
                let event = parse(block);
                self.text = rest.into();
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let more = timeout(Duration::from_secs(30), self.bytes.next()).await.expect("in time")?;
            self.text.push_str(std::str::from_utf8(&more.ok()?).unwrap());
        }
    }
}

/// A block of lines; nothing for a comment.
fn parse(block: &str) -> Option<(String, String, Value)> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let (id, name, data) = (field("id")?, field("event")?, field("data")?);
    contract::check_crawl_event(name, data);
    Some((id.to_owned(), name.to_owned(), serde_json::from_str(data).unwrap()))
}
