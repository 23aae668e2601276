//! What the HTTP server does with clients that mean no good, or do no good.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Collector, Scratch, http::client};

/// Far longer than anything here takes, far shorter than a tester's patience.
const PATIENCE: Duration = Duration::from_secs(20);

const ALIVE: &str = "GET /system/alive HTTP/1.1\r\nhost: localhost\r\n\r\n";

async fn connect(collector: &Collector) -> TcpStream {
    let address: SocketAddr = collector.base.strip_prefix("http://").unwrap().parse().unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// What comes until the server closes the connection, or until there is a whole answer.
async fn answer(stream: &mut TcpStream, whole: bool) -> String {
    let mut text = Vec::new();
    let reading = async { while !(whole && text.ends_with(b"}")) && stream.read_buf(&mut text).await.unwrap() > 0 {} };
    timeout(PATIENCE, reading).await.expect("it answers or closes");
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn who_does_not_finish_asking_is_cut() {
    let scratch = Scratch::new();
    let limits = [("COLLECTOR_API__HEADER_TIMEOUT", "300ms"), ("COLLECTOR_API__TIMEOUT", "300ms")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &limits).await;

    let mut silent = connect(&collector).await;
    silent.write_all(b"GET /system/alive HTTP/1.1\r\nhost: loc").await.unwrap();
    let mut idle = connect(&collector).await;
    idle.write_all(ALIVE.as_bytes()).await.unwrap();
    let mut trickling = connect(&collector).await;
    let head =
        "POST /execution/run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99";
    trickling.write_all(format!("{head}\r\n\r\n{{").as_bytes()).await.unwrap();

    let cut = answer(&mut silent, false).await;
    assert!(cut.is_empty() || cut.starts_with("HTTP/1.1 408"), "{cut}");
    assert!(answer(&mut idle, false).await.starts_with("HTTP/1.1 200"), "it is answered, then closed");
    let refused = answer(&mut trickling, true).await;
    assert!(refused.starts_with("HTTP/1.1 408") && refused.contains("request_timeout"), "{refused}");
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_their_turn() {
    let scratch = Scratch::new();
    let limits = [("COLLECTOR_API__MAX_CONNECTIONS", "2")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &limits).await;
    let (mut first, mut second) = (connect(&collector).await, connect(&collector).await);
    for stream in [&mut first, &mut second] {
        stream.write_all(ALIVE.as_bytes()).await.unwrap();
        assert!(answer(stream, true).await.contains("\"status\":\"ok\""));
    }
    let mut third = connect(&collector).await;
    third.write_all(ALIVE.as_bytes()).await.unwrap();
    // The others are still served; the third is not, however long the first two take.
    for stream in [&mut first, &mut second] {
        stream.write_all(ALIVE.as_bytes()).await.unwrap();
        assert!(answer(stream, true).await.contains("\"status\":\"ok\""));
    }
    let early = timeout(Duration::from_millis(100), third.readable()).await;
    assert!(early.is_err(), "two are open");
    drop(first);
    assert!(answer(&mut third, true).await.contains("\"status\":\"ok\""));
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused() {
    let scratch = Scratch::new();
    let names = [("COLLECTOR_API__HOSTS", "queue.example")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &names).await;
    for (host, status) in [("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("queue.example", 200)] {
        let request = client().get(format!("{}/system/alive", collector.base)).header("host", host);
        assert_eq!(collector.ask(request).await.status, status, "{host}");
    }
    let rebound = client()
        .post(format!("{}/execution/run", collector.base))
        .header("host", "page.example")
        .json(&json!({"platform_id": "noop"}));
    let answer = collector.ask(rebound).await;
    assert_eq!((answer.status, answer.json["code"].as_str()), (421, Some("unknown_host")), "{}", answer.text);
    let nowhere = client().get(format!("{}/nowhere", collector.base)).header("host", "page.example");
    assert_eq!(collector.ask(nowhere).await.status, 421);
    let jobs = collector.get("/execution/list").await.json;
    assert_eq!(jobs["jobs"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn a_head_has_its_limit() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let mut large = connect(&collector).await;
    let head = format!("GET /system/alive HTTP/1.1\r\nhost: localhost\r\nx-large: {}\r\n\r\n", "x".repeat(1_000_000));
    // It may be cut before all of it is written.
    large.write_all(head.as_bytes()).await.ok();
    let refused = answer(&mut large, false).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    assert_eq!(collector.get("/system/alive").await.status, 200);
}

#[tokio::test]
async fn a_stop_lets_a_request_end() {
    let scratch = Scratch::new();
    let mut collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let body = json!({"platform_id": "noop"}).to_string();
    let mut half = connect(&collector).await;
    let head = "POST /execution/run HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    let (begin, rest) = body.split_at(5);
    half.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{begin}", body.len()).as_bytes()).await.unwrap();
    // Once this is answered, so is known the request above: connections are taken in order.
    assert_eq!(collector.get("/system/alive").await.status, 200);
    let finish = async {
        // Not before it has stopped listening.
        while TcpStream::connect(collector.base.strip_prefix("http://").unwrap()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        half.write_all(rest.as_bytes()).await.unwrap();
        answer(&mut half, true).await
    };
    crate::support::signal(collector.pid(), rustix::process::Signal::TERM);
    let accepted = finish.await;
    assert!(accepted.starts_with("HTTP/1.1 202"), "{accepted}");
    assert!(collector.stop().await.success());
}
