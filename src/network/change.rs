//! What is different between one revision of the Network and the next.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::model::{AggregatedNode, AggregatedPeer};

/// Ids that one list of a change names; it counts all of them.
const NAMED: usize = 50;
/// The most bytes of a patch: where more is different, followers read the whole Network.
const MAX_PATCH: usize = 128 << 10;

/// Everything that is different, as it is now, or as it was if it left.
#[derive(Debug, Default)]
pub struct Difference {
    pub(super) nodes: Parts<AggregatedNode>,
    pub(super) peers: Parts<AggregatedPeer>,
}

/// What joined, left and changed, by id.
#[derive(Debug)]
pub(super) struct Parts<T> {
    joined: Vec<Arc<T>>,
    left: Vec<Arc<T>>,
    changed: Vec<Arc<T>>,
}

/// What one revision changed, in brief.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct Change {
    /// Nodes that had not been there.
    pub nodes_joined: Ids,
    /// Nodes that are not there any more.
    pub nodes_left: Ids,
    /// Nodes of which something else is told now.
    pub nodes_changed: Ids,
    /// Peers that had not been there.
    pub peers_joined: Ids,
    /// Peers that are not there any more.
    pub peers_left: Ids,
    /// Peers of which something else is told now.
    pub peers_changed: Ids,
}

/// Some ids, of which the first are named.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct Ids {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub ids: Vec<String>,
}

/// What makes the Network of before into the one of now.
#[derive(Serialize)]
struct Patch<'a> {
    nodes: Vec<&'a AggregatedNode>,
    nodes_left: Vec<&'a str>,
    peers: Vec<&'a AggregatedPeer>,
    peers_left: Vec<&'a str>,
}

/// What has an id.
pub(super) trait Identified: PartialEq {
    fn id(&self) -> &str;
}

impl Identified for AggregatedNode {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Identified for AggregatedPeer {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Difference {
    /// Whether all is as it was.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.peers.is_empty()
    }

    /// Peers that are not there any more, as they were.
    pub fn departed(&self) -> impl Iterator<Item = &AggregatedPeer> {
        self.peers.left.iter().map(|peer| &**peer)
    }

    /// It in brief.
    pub fn change(&self) -> Change {
        Change {
            nodes_joined: ids(&self.nodes.joined),
            nodes_left: ids(&self.nodes.left),
            nodes_changed: ids(&self.nodes.changed),
            peers_joined: ids(&self.peers.joined),
            peers_left: ids(&self.peers.left),
            peers_changed: ids(&self.peers.changed),
        }
    }

    /// It as a JSON object, unless that is too large to be worth it: `nodes` and `peers` as they are now, each in place of
    /// the one with its id or new, and the ids of those that left.
    pub fn patch(&self) -> Option<String> {
        let (nodes, peers) = (self.nodes.present(), self.peers.present());
        // Each has more than 256 bytes.
        if nodes.len() + peers.len() > MAX_PATCH / 256 {
            return None;
        }
        let patch = Patch { nodes, nodes_left: self.nodes.gone(), peers, peers_left: self.peers.gone() };
        serde_json::to_string(&patch).ok().filter(|json| json.len() <= MAX_PATCH)
    }
}

impl<T: Identified> Parts<T> {
    /// Puts what is there `now` into its place, or takes away what is not there any more.
    pub(super) fn note(&mut self, told: &mut BTreeMap<String, Arc<T>>, id: String, now: Option<T>) {
        let Some(now) = now.map(Arc::new) else {
            self.left.extend(told.remove(&id));
            return;
        };
        let list = match told.get(&id) {
            Some(was) if **was == *now => return,
            Some(_) => &mut self.changed,
            None => &mut self.joined,
        };
        list.push(now.clone());
        told.insert(id, now);
    }

    fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty() && self.changed.is_empty()
    }

    /// What is other than it was, or new.
    fn present(&self) -> Vec<&T> {
        self.joined.iter().chain(&self.changed).map(|item| &**item).collect()
    }

    fn gone(&self) -> Vec<&str> {
        self.left.iter().map(|item| item.id()).collect()
    }
}

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self { joined: Vec::new(), left: Vec::new(), changed: Vec::new() }
    }
}

fn ids<T: Identified>(items: &[Arc<T>]) -> Ids {
    Ids { count: items.len(), ids: items.iter().take(NAMED).map(|item| item.id().to_owned()).collect() }
}
