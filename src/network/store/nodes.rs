//! What nodes said: written by whoever polls them, read by the aggregator and by who asks for one.

use std::{sync::Arc, time::Duration};

use super::{Store, json, milliseconds};
use crate::{broker::BrokerError, network::model::Node};

/// Nodes that are read at once.
const MOST: usize = 2000;
/// Nodes that are written, or read, in one round trip: each may be some hundred kB.
const PIECE: usize = 32;

impl Store {
    /// Writes what nodes said, each with how long it holds; `now` is Redis' clock in ms since 1970.
    pub async fn put_nodes(&self, nodes: &[(Arc<Node>, Duration)], now: u64) -> Result<(), BrokerError> {
        for piece in nodes.chunks(PIECE) {
            let mut pipe = redis::pipe();
            for (node, life) in piece {
                let life = milliseconds(*life);
                pipe.pset_ex(self.prefix.node(&node.id), json(&**node), life).ignore();
                pipe.zadd(self.key("nodes"), &node.id, now.saturating_add(life)).ignore();
            }
            let () = self.broker.pipeline(&pipe).await?;
        }
        Ok(())
    }

    /// Ids of the nodes of which something holds, sorted.
    pub async fn node_ids(&self, now: u64) -> Result<Vec<String>, BrokerError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.key("nodes")).arg(now).arg("+inf").arg("LIMIT").arg(0).arg(MOST);
        let mut ids: Vec<String> = self.broker.query(&command).await?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// What a node said, if it still holds.
    pub async fn node(&self, id: &str) -> Result<Option<Node>, BrokerError> {
        let json: Option<String> = self.broker.query(redis::cmd("GET").arg(self.prefix.node(id))).await?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// The same of several; those that are not there any more are left out.
    pub async fn nodes(&self, ids: &[&str]) -> Result<Vec<Node>, BrokerError> {
        let mut nodes = Vec::new();
        for piece in ids.chunks(PIECE) {
            let mut pipe = redis::pipe();
            for id in piece {
                pipe.get(self.prefix.node(id));
            }
            let found: Vec<Option<String>> = self.broker.pipeline(&pipe).await?;
            nodes.extend(found.into_iter().flatten().filter_map(|json| serde_json::from_str::<Node>(&json).ok()));
        }
        Ok(nodes)
    }
}
