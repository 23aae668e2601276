//! The network to crawl: `collector devnet --synthetic` in a child process, and what is true of it.

use std::{path::Path, process::Stdio};

use anyhow::Context as _;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use tokio::{
    fs::File,
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::devnet::synthetic::{Row, Tick};

/// A running network; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Network {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// The record to crawl from.
    pub(super) bootnode: String,
    /// It is killed when dropped.
    _child: Child,
}

/// Of its counters, those that figures are made of.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Counters {
    pub(super) packets_in: u64,
    pub(super) packets_out: u64,
    pub(super) pings: u64,
    pub(super) bans: u64,
}

impl Network {
    /// Starts one of so many nodes; `options` are those of `collector devnet --synthetic`.
    pub(super) async fn start(nodes: u32, options: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["devnet", "--synthetic", "--json", "--nodes", &nodes.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().context("the network takes no orders")?;
        let answers = BufReader::new(child.stdout.take().context("the network says nothing")?).lines();
        let mut network = Self { orders, answers, bootnode: String::new(), _child: child };
        network.bootnode = network.answer().await?.field("bootnode")?;
        Ok(network)
    }

    pub(super) async fn counters(&mut self) -> anyhow::Result<Counters> {
        self.order(&json!({"order": "counters"})).await?.field("counters")
    }

    pub(super) async fn tick(&mut self, tick: Tick) -> anyhow::Result<()> {
        let Tick { leave, join, bump, moved } = tick;
        let order = json!({"order": "tick", "leave": leave, "join": join, "bump": bump, "moved": moved});
        self.order(&order).await.map(drop)
    }

    /// What is true now; it goes through a file in `dir`, because it may be large.
    pub(super) async fn truth(&mut self, dir: &Path) -> anyhow::Result<Vec<Row>> {
        let path = dir.join(format!("truth-{}.jsonl", uuid::Uuid::now_v7()));
        self.order(&json!({"order": "truth", "path": path})).await?;
        let mut lines = BufReader::new(File::open(&path).await?).lines();
        let mut rows = Vec::new();
        while let Some(line) = lines.next_line().await? {
            rows.push(serde_json::from_str(&line)?);
        }
        tokio::fs::remove_file(&path).await?;
        Ok(rows)
    }

    async fn order(&mut self, order: &Value) -> anyhow::Result<Answer> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        let answer = self.answer().await?;
        anyhow::ensure!(!answer.0.contains_key("error"), "the network refused {order}: {:?}", answer.0);
        Ok(answer)
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        let line = self.answers.next_line().await?.context("the network ended")?;
        Ok(Answer(serde_json::from_str(&line)?))
    }
}

/// A line that the network says.
struct Answer(Map<String, Value>);

impl Answer {
    fn field<T: DeserializeOwned>(mut self, name: &str) -> anyhow::Result<T> {
        Ok(serde_json::from_value(self.0.remove(name).with_context(|| format!("the network says no {name}"))?)?)
    }
}
