//! The whole way: nodes that are polled every second by a real collector, followers on WebSockets.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, Utf8Bytes},
};

use super::{Figure, bar, figure};
use crate::{
    bench::queue::ticks_of,
    broker::Scratch,
    devnet::hathor::{Hathor, Plan},
};

/// Followers.
const WATCHERS: usize = 1000;
/// Changes whose way is timed.
const CHANGES: u16 = 100;
/// From one poll of a node to the next, in ms.
const INTERVAL: u64 = 1000;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A collector of the bench's own.
struct Collector {
    base: String,
    process: Child,
}

pub(super) async fn measure(nodes: u16, connections: u16) -> anyhow::Result<Vec<Figure>> {
    let plan = Plan { nodes, connections, port: 0, jitter: Duration::ZERO, manners: Vec::new() };
    let hathor = Hathor::start(&plan).await?;
    let redis = Scratch::start()?;
    let collector = Collector::start(&redis).await?;
    collector.watch(&hathor).await?;
    let mut socket = collector.follow("?diff=true").await?;
    next(&mut socket).await?;
    let sanjers = collector.children()?;
    let before = (Instant::now(), cpu(&sanjers));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let busy = (cpu(&sanjers) - before.1) / before.0.elapsed().as_secs_f64();

    let mut seen = Histogram::<u64>::new(3)?;
    for number in 0..CHANGES {
        let number = number % nodes;
        // Somewhere between two polls of the node, wherever the last change was seen.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..INTERVAL))).await;
        hathor.restart(number);
        let (id, start) = (hathor.id(number), Instant::now());
        let began = jiff::Timestamp::now().as_second() - 2;
        while !has_restarted(&next(&mut socket).await?, &id, began) {}
        seen.record(u64::try_from(start.elapsed().as_millis())?)?;
    }
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS.saturating_sub(1) {
        watchers.push(collector.follow("").await?);
    }
    let info: String = redis.broker().await?.query(redis::cmd("INFO").arg("clients")).await?;
    let blocked = info.lines().find_map(|line| line.strip_prefix("blocked_clients:")?.trim().parse::<f64>().ok());
    Ok(vec![
        figure("polling, merging and writing, % of a core", busy * 100.0),
        figure("a change is seen after, ms, p50", seen.value_at_quantile(0.5) as f64),
        // A node is asked again after its interval and up to a tenth of it.
        bar("a change is seen after, ms, p99", seen.value_at_quantile(0.99) as f64, INTERVAL as f64 * 1.1 + 50.0),
        bar("readers of Redis for 1,000 followers", blocked.context("INFO says nothing of clients")?, 1.0),
    ])
}

/// Whether a message tells that a node has begun later than `began`. Read with the least effort: it has megabytes, and
/// what followers do with them is not measured.
fn has_restarted(message: &str, id: &str, began: i64) -> bool {
    let node = message.split_once(&format!("{{\"id\":\"{id}\",\"app_version\""));
    let since = node.and_then(|(_, node)| node.split_once("\"up_since\":")?.1.split(',').next()?.parse::<i64>().ok());
    since.is_some_and(|since| since >= began)
}

async fn next(socket: &mut Socket) -> anyhow::Result<Utf8Bytes> {
    loop {
        let message = timeout(PATIENCE, socket.next()).await?.context("the socket ended")??;
        if let Message::Text(text) = message {
            return Ok(text);
        }
    }
}

impl Collector {
    async fn start(redis: &Scratch) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["up", "--listen", "127.0.0.1:0", "--redis-url", &redis.url(), "--pool", "light=1x1"])
            .args(["--pool", "standing=1x1", "--data-dir"])
            .arg(redis.dir().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("no stdout")?).lines();
        loop {
            let line = timeout(PATIENCE, lines.next_line()).await??.context("the collector ended")?;
            if let Some(base) = line.strip_prefix("listening on ") {
                return Ok(Self { base: base.to_owned(), process });
            }
        }
    }

    async fn watch(&self, hathor: &Hathor) -> anyhow::Result<()> {
        let settings = json!({"nodes": hathor.urls(), "rounds": 0, "interval_ms": INTERVAL});
        let spec = json!({"platform_id": "node_status", "settings": settings});
        let client = reqwest::Client::builder().no_proxy().build()?;
        let sent = client.post(format!("{}/execution/run", self.base)).json(&spec).send().await?;
        anyhow::ensure!(sent.status() == 202, "the job was not accepted: {}", sent.status());
        Ok(())
    }

    async fn follow(&self, query: &str) -> anyhow::Result<Socket> {
        let url = format!("{}/network/ws{query}", self.base.replace("http://", "ws://"));
        Ok(timeout(PATIENCE, connect_async(url)).await??.0)
    }

    /// The processes that it has started.
    fn children(&self) -> anyhow::Result<Vec<u32>> {
        let pid = self.process.id().context("the collector ended")?;
        let mut children = Vec::new();
        // A process is the child of the thread that has started it.
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let text = std::fs::read_to_string(thread?.path().join("children"))?;
            children.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        Ok(children)
    }
}

/// Processor time of these so far, in seconds.
fn cpu(processes: &[u32]) -> f64 {
    processes.iter().map(|pid| ticks_of(*pid)).sum::<u64>() as f64 / 100.0
}
