//! The hosts that may be nodes.

use std::collections::{BTreeMap, HashMap};

use super::{Store, json};
use crate::{broker::BrokerError, network::discovery::Candidate};

impl Store {
    /// All of them, by host; those that cannot be read are left out.
    pub async fn candidates(&self) -> Result<Vec<(String, Candidate)>, BrokerError> {
        let all: HashMap<String, String> =
            self.broker.query(redis::cmd("HGETALL").arg(self.prefix.candidates())).await?;
        Ok(all.into_iter().filter_map(|(host, json)| Some((host, serde_json::from_str(&json).ok()?))).collect())
    }

    /// Writes some and removes others.
    pub async fn put_candidates(&self, some: &BTreeMap<String, Candidate>, over: &[String]) -> Result<(), BrokerError> {
        let mut pipe = redis::pipe();
        let key = self.prefix.candidates();
        for (host, candidate) in some {
            pipe.hset(&key, host, json(candidate)).ignore();
        }
        for piece in over.chunks(100) {
            pipe.hdel(&key, piece).ignore();
        }
        if pipe.is_empty() { Ok(()) } else { self.broker.pipeline(&pipe).await }
    }
}
