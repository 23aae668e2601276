//! Reading a network's store, in bounded pieces.

use std::collections::BTreeMap;

use redis::{FromRedisValue, cmd};
use serde::{Serialize, de::DeserializeOwned};
use tracing::warn;

use super::{PARTS, State, Store};
use crate::{
    broker::{Broker, BrokerError},
    discv5::NodeId,
};

/// Entries of a hash that one call asks for.
const PIECE: usize = 500;
/// Records of an inbox that one call reads.
const LETTERS: usize = 500;

/// What was counted in one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EpochCounts {
    /// Which.
    pub epoch: u64,
    /// The counts by name.
    #[serde(flatten)]
    pub counts: BTreeMap<String, u64>,
}

impl Store {
    /// Whether it holds anything.
    pub async fn exists(&self) -> Result<bool, BrokerError> {
        self.broker.query(cmd("EXISTS").arg(self.key("about"))).await
    }

    /// What is known of the crawl: see `about` in the table of keys.
    pub async fn about(&self) -> Result<BTreeMap<String, String>, BrokerError> {
        self.broker.query(cmd("HGETALL").arg(self.key("about"))).await
    }

    /// All entries of `nodes`, `candidates` or `gone` in one part. What cannot be read is left out, and said.
    pub async fn entries<T: DeserializeOwned>(&self, name: &str, part: u8) -> Result<Vec<(NodeId, T)>, BrokerError> {
        let mut entries = Vec::new();
        self.scan(&format!("{name}:{part}"), |id: String, json: String| {
            match (id.parse(), serde_json::from_str(&json)) {
                (Ok(id), Ok(entry)) => entries.push((id, entry)),
                (_, Err(error)) => warn!(node = id, %error, "an entry of the crawl's store cannot be read"),
                (Err(_), _) => warn!(node = id, "not a node id in the crawl's store"),
            }
        })
        .await?;
        Ok(entries)
    }

    /// Whom the nodes of one part told of.
    pub async fn neighbours(&self, part: u8) -> Result<Vec<(NodeId, Vec<NodeId>)>, BrokerError> {
        let mut edges = Vec::new();
        self.scan(&format!("neighbours:{part}"), |id: String, ids: Vec<u8>| {
            if let Ok(id) = id.parse() {
                edges.push((id, unpack(&ids)));
            }
        })
        .await?;
        Ok(edges)
    }

    /// The former records of the nodes of one part, a JSON line each.
    pub async fn histories(&self, part: u8) -> Result<Vec<(NodeId, String)>, BrokerError> {
        let mut histories = Vec::new();
        self.scan(&format!("history:{part}"), |id: String, lines: String| {
            if let Ok(id) = id.parse() {
                histories.push((id, lines));
            }
        })
        .await?;
        Ok(histories)
    }

    /// One entry, by the digit of its id that says which part it is in.
    pub async fn entry<T: FromRedisValue>(&self, name: &str, id: NodeId) -> Result<Option<T>, BrokerError> {
        let key = self.key(format_args!("{name}:{}", part_of(id)));
        self.broker.query(cmd("HGET").arg(key).arg(id.to_string())).await
    }

    /// The first records that wait for the owners of these parts, after those that were read already.
    pub async fn inboxes(&self, parts: impl Iterator<Item = (u8, usize)>) -> Result<Vec<Vec<Vec<u8>>>, BrokerError> {
        let (mut all, mut empty) = (redis::pipe(), true);
        for (part, read) in parts {
            let key = self.key(format_args!("inbox:{part}"));
            all.cmd("LRANGE").arg(key).arg(read).arg(read + LETTERS - 1);
            empty = false;
        }
        if empty { Ok(Vec::new()) } else { self.broker.pipeline(&all).await }
    }

    /// How many nodes are in each part's `nodes`, `candidates` or `gone`, together.
    pub async fn count(&self, name: &str) -> Result<u64, BrokerError> {
        let mut all = redis::pipe();
        for part in 0..PARTS {
            all.hlen(self.key(format_args!("{name}:{part}")));
        }
        let counts: Vec<u64> = self.broker.pipeline(&all).await?;
        Ok(counts.iter().sum())
    }

    /// How far the owner of each part is, and with which epoch.
    pub async fn states(&self) -> Result<BTreeMap<u8, (u64, State)>, BrokerError> {
        let states: BTreeMap<u8, String> = self.broker.query(cmd("HGETALL").arg(self.key("states"))).await?;
        let read = |(part, state): (u8, String)| {
            let (epoch, state) = state.split_once(' ')?;
            Some((part, (epoch.parse().ok()?, State::parse(state)?)))
        };
        Ok(states.into_iter().filter_map(read).collect())
    }

    /// The counts of these epochs, without those that are not kept any more.
    pub async fn epochs(&self, epochs: impl Iterator<Item = u64>) -> Result<Vec<EpochCounts>, BrokerError> {
        let mut all = redis::pipe();
        let epochs: Vec<u64> = epochs.collect();
        if epochs.is_empty() {
            return Ok(Vec::new());
        }
        for epoch in &epochs {
            all.hgetall(self.key(format_args!("epoch:{epoch}")));
        }
        let counts: Vec<BTreeMap<String, u64>> = self.broker.pipeline(&all).await?;
        let kept = epochs.into_iter().zip(counts).filter(|(_, counts)| !counts.is_empty());
        Ok(kept.map(|(epoch, counts)| EpochCounts { epoch, counts }).collect())
    }

    /// How long nodes stayed: minutes, rounded down to a power of two, and how many.
    pub async fn sessions(&self) -> Result<BTreeMap<u64, u64>, BrokerError> {
        self.broker.query(cmd("HGETALL").arg(self.key("sessions"))).await
    }

    /// What each of those who crawl now measures of its own work, as JSON.
    pub async fn metrics(&self) -> Result<BTreeMap<String, String>, BrokerError> {
        self.broker.query(cmd("HGETALL").arg(self.key("metrics"))).await
    }

    /// How many of these each told of.
    pub async fn degrees(&self, ids: &[NodeId]) -> Result<Vec<u64>, BrokerError> {
        let mut all = redis::pipe();
        for id in ids {
            let key = self.key(format_args!("neighbours:{}", part_of(*id)));
            all.cmd("HSTRLEN").arg(key).arg(id.to_string());
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let lengths: Vec<u64> = self.broker.pipeline(&all).await?;
        Ok(lengths.into_iter().map(|bytes| bytes / 32).collect())
    }

    /// Whom one node told of.
    pub async fn told_by(&self, id: NodeId) -> Result<Vec<NodeId>, BrokerError> {
        let ids: Option<Vec<u8>> = self.entry("neighbours", id).await?;
        Ok(unpack(&ids.unwrap_or_default()))
    }

    /// How many crawl now: those whose lease has not ended.
    pub async fn members(&self) -> Result<u64, BrokerError> {
        let (seconds, micros): (u64, u64) = self.broker.query(&cmd("TIME")).await?;
        let now = seconds.saturating_mul(1000).saturating_add(micros / 1000);
        self.broker.query(cmd("ZCOUNT").arg(self.key("members")).arg(now).arg("+inf")).await
    }

    /// Where it lies.
    pub(in crate::crawl) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The key of the event stream, for who follows it.
    pub fn events_key(&self) -> String {
        self.key("events")
    }

    async fn scan<F, V>(&self, name: &str, mut each: impl FnMut(F, V)) -> Result<(), BrokerError>
    where
        F: FromRedisValue,
        V: FromRedisValue,
    {
        let (key, mut cursor) = (self.key(name), 0_u64);
        loop {
            let scan = cmd("HSCAN").arg(&key).arg(cursor).arg("COUNT").arg(PIECE).to_owned();
            let (next, entries): (u64, Vec<(F, V)>) = self.broker.query(&scan).await?;
            for (field, value) in entries {
                each(field, value);
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

/// Which part a node is in.
pub fn part_of(id: NodeId) -> u8 {
    id.0.first().map_or(0, |byte| byte >> 4)
}

/// Ids of 32 bytes each.
pub fn unpack(ids: &[u8]) -> Vec<NodeId> {
    ids.chunks_exact(32).filter_map(|id| id.try_into().ok().map(NodeId)).collect()
}
