//! How a network shall be crawled.

use std::time::Duration;

use super::{
    freshness::Ladder,
    ingestor::Moment,
    node::Node,
    store::{NetworkName, Standing},
};
use crate::{discv5::NodeId, storage};

/// How a network shall be crawled.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the network is called; `None` means a name that follows from the bootnodes.
    pub network: Option<NetworkName>,
    /// The job that began the crawl, if this one only helps.
    pub root: Option<String>,
    /// Epochs; 0 means for ever.
    pub epochs: u64,
    /// How long an epoch takes at least.
    pub epoch: Duration,
    /// What silence costs.
    pub ladder: Ladder,
    /// How long a node's neighbours are taken to be as it told.
    pub drain_every: Duration,
    /// How long a candidate that does not answer is kept after it was last heard of.
    pub forget: Duration,
    /// How long a network's store is kept once nobody crawls it any more.
    pub keep: Duration,
    /// Nodes asked at the same time.
    pub concurrency: usize,
    /// How long to wait for one answer.
    pub request_timeout: Duration,
    /// How often an unanswered question is asked again.
    pub retries: u8,
    /// Nodes and candidates that are followed; more are not.
    pub max_nodes: usize,
    /// How long a crawl with an end may take.
    pub max_duration: Duration,
    /// Where the store is mirrored to, if anywhere.
    pub storage: Option<storage::Settings>,
}

impl Plan {
    /// Whether a node shall be asked for its neighbours: once when a crawl begins, then whenever they are old.
    pub(super) fn drains(&self, node: &Node, standing: &Standing, now: Moment) -> bool {
        node.drained_at < standing.began_at
            || u128::from(now.at.saturating_sub(node.drained_at)) >= self.drain_every.as_millis()
    }

    /// How long after its beginning a node is asked in an epoch (ms): a crawl without end has time, and asks evenly.
    pub(super) fn spread(&self, id: NodeId, has_begun: bool) -> u64 {
        if self.epochs > 0 || !has_begun {
            return 0;
        }
        let half = u64::try_from(self.epoch.as_millis() / 2).unwrap_or(u64::MAX);
        let [_, a, b, c, d, ..] = id.0;
        u64::from(u32::from_be_bytes([a, b, c, d])) % half.max(1)
    }
}
