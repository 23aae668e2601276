//! Nodes in, the Network out: who is there, and what all of them together say of their peers.
//!
//! In whatever order nodes, peers and entry points come in, the same Network comes out. What nodes may say differently
//! about one peer is taken from one of them, the same one as long as it still reports the peer. What one node says costs
//! what that node and its peers cost, however many others there are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    change::Difference,
    model::{AggregatedNode, AggregatedPeer, Block, Network, Node, Peer, READY, Volatile, sorted},
    steady::keep,
};

/// Peers by id, each with the id of the node whose word about it counts.
pub type Reporters = BTreeMap<String, String>;

/// What nodes say, and the Network that was made of it last.
#[derive(Debug, Default)]
pub struct Merged {
    /// What each node says, by its id.
    said: BTreeMap<Arc<str>, Arc<Node>>,
    /// The nodes that report a peer, by its id.
    reports: BTreeMap<String, BTreeSet<Arc<str>>>,
    nodes: BTreeMap<String, Arc<AggregatedNode>>,
    peers: BTreeMap<String, Arc<AggregatedPeer>>,
    reporters: Reporters,
    open: Open,
}

/// Ids of what may be other than it was.
#[derive(Debug, Default)]
struct Open {
    nodes: BTreeSet<String>,
    peers: BTreeSet<String>,
}

/// The Network of one moment. Taking it costs little; what is large is made of it where nobody waits for that.
#[derive(Debug)]
pub struct Moment {
    said: Vec<Arc<Node>>,
    nodes: Vec<Arc<AggregatedNode>>,
    peers: Vec<Arc<AggregatedPeer>>,
    /// Whose word counts.
    pub reporters: Reporters,
}

impl Merged {
    /// Goes on from the Network that was told last, and from whose word counted in it.
    pub fn resume(&mut self, told: Network, reporters: Reporters) {
        self.nodes = told.nodes.into_iter().map(|node| (node.id.clone(), Arc::new(node))).collect();
        self.peers = told.peers.into_iter().map(|peer| (peer.id.clone(), Arc::new(peer))).collect();
        self.reporters = reporters;
        self.open.nodes.extend(self.said.keys().map(|id| String::from(&**id)).chain(self.nodes.keys().cloned()));
        self.open.peers.extend(self.reports.keys().chain(self.peers.keys()).cloned());
    }

    /// Takes in what a node says now; whether it is anything else than before.
    pub fn put(&mut self, mut node: Arc<Node>) -> bool {
        if !node.connected_peers.is_sorted_by(|a, b| a.id < b.id) {
            let peers = &mut Arc::make_mut(&mut node).connected_peers;
            peers.sort_by(|a, b| a.id.cmp(&b.id));
            peers.dedup_by(|later, earlier| later.id == earlier.id);
        }
        let before = self.said.insert(node.id.as_str().into(), node.clone());
        self.compare(&node.id, before.as_deref(), Some(&node))
    }

    /// Forgets a node; whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.said.remove(id);
        self.compare(id, before.as_deref(), None)
    }

    /// Marks what may be other because of one node; whether there is any such thing.
    fn compare(&mut self, id: &str, before: Option<&Node>, now: Option<&Node>) -> bool {
        if before == now {
            return false;
        }
        self.open.nodes.insert(id.to_owned());
        for peer in before.into_iter().flat_map(|node| &node.connected_peers) {
            let now = now.and_then(|node| find(node, &peer.id));
            if now == Some(peer) {
                continue;
            }
            self.open.peers.insert(peer.id.clone());
            if now.is_none()
                && let Some(reporters) = self.reports.get_mut(&peer.id)
            {
                reporters.remove(id);
                if reporters.is_empty() {
                    self.reports.remove(&peer.id);
                }
            }
        }
        let is_new = |peer: &&Peer| before.is_none_or(|node| find(node, &peer.id).is_none());
        let own: Arc<str> = id.into();
        for peer in now.into_iter().flat_map(|node| &node.connected_peers).filter(is_new) {
            self.open.peers.insert(peer.id.clone());
            self.reports.entry(peer.id.clone()).or_default().insert(own.clone());
        }
        true
    }

    /// Whether no node says anything.
    pub fn is_silent(&self) -> bool {
        self.said.is_empty()
    }

    /// Peers in the Network.
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Makes the Network of all that nodes say; what is other than it was.
    pub fn settle(&mut self) -> Difference {
        let mut difference = Difference::default();
        let Open { nodes, peers } = std::mem::take(&mut self.open);
        for id in nodes {
            let told = self.nodes.get(&id).and_then(|told| told.up_since);
            let now = self.said.get(id.as_str()).map(|said| node(said, told));
            difference.nodes.note(&mut self.nodes, id, now);
        }
        for id in peers {
            let now = self.report(&id);
            difference.peers.note(&mut self.peers, id, now);
        }
        difference
    }

    /// A peer by all that nodes say of it now.
    fn report(&mut self, id: &str) -> Option<AggregatedPeer> {
        let reporters = self.reports.get(id).into_iter().flatten().filter_map(|node| self.said.get(node));
        let reports: Vec<(&Node, &Peer)> = reporters.filter_map(|node| Some((&**node, find(node, id)?))).collect();
        let Some((reporter, word)) = choose(&reports, self.reporters.get(id).map(String::as_str)) else {
            self.reporters.remove(id);
            return None;
        };
        if self.reporters.get(id) != Some(&reporter.id) {
            self.reporters.insert(id.to_owned(), reporter.id.clone());
        }
        let told = self.peers.get(id).and_then(|told| told.up_since);
        Some(peer(word, &reports, told))
    }

    /// The Network as it was settled last.
    pub fn moment(&self) -> Moment {
        Moment {
            said: self.said.values().cloned().collect(),
            nodes: self.nodes.values().cloned().collect(),
            peers: self.peers.values().cloned().collect(),
            reporters: self.reporters.clone(),
        }
    }
}

impl Moment {
    /// It, with what changes at every poll as it was said last.
    pub fn network(&self) -> Network {
        let mut last: HashMap<&str, i64> = HashMap::with_capacity(self.peers.len());
        for peer in self.said.iter().flat_map(|node| &node.connected_peers) {
            if let Some(message) = peer.last_message.0 {
                let newest = last.entry(&peer.id).or_insert(message);
                *newest = message.max(*newest);
            }
        }
        let peer = |peer: &Arc<AggregatedPeer>| AggregatedPeer {
            last_message: Volatile(last.get(peer.id.as_str()).copied()),
            ..AggregatedPeer::clone(peer)
        };
        Network {
            nodes: self.nodes.iter().map(|node| AggregatedNode::clone(node)).collect(),
            peers: self.peers.iter().map(peer).collect(),
        }
    }
}

/// Of several answers of one node the newest.
pub(super) fn newest<'a>(answers: impl Iterator<Item = &'a Arc<Node>>) -> Option<&'a Arc<Node>> {
    answers.reduce(|there, node| if is_newer(node, there) { node } else { there })
}

fn is_newer(node: &Node, there: &Node) -> bool {
    // Of two in the same millisecond either will do, as long as it is always the same.
    let text = |node: &Node| serde_json::to_string(node).unwrap_or_default();
    match node.received_at_ms.0.cmp(&there.received_at_ms.0) {
        std::cmp::Ordering::Equal => text(node) > text(there),
        order => order.is_gt(),
    }
}

/// What a node says of a peer.
fn find<'a>(node: &'a Node, peer: &str) -> Option<&'a Peer> {
    let place = node.connected_peers.binary_search_by(|other| other.id.as_str().cmp(peer)).ok()?;
    node.connected_peers.get(place)
}

fn node(node: &Node, told: Option<i64>) -> AggregatedNode {
    AggregatedNode {
        id: node.id.clone(),
        app_version: node.app_version.clone(),
        up_since: keep(told, node.up_since),
        state: node.state.clone(),
        network: node.network.clone(),
        latest_timestamp: node.latest_timestamp,
        best_block: node.best_block.clone(),
        entrypoints: sorted(node.entrypoints.clone()),
        connected_peers: sorted(node.connected_peers.iter().map(|peer| peer.id.clone()).collect()),
        peer_count: node.peer_count,
    }
}

/// Whose word counts: that of the one it was last time, or else of the ready node with the smallest id. `reports` are in
/// the order of their nodes' ids.
fn choose<'a>(reports: &[(&'a Node, &'a Peer)], last: Option<&str>) -> Option<(&'a Node, &'a Peer)> {
    let again = reports.iter().find(|(node, _)| Some(node.id.as_str()) == last);
    let ready = || reports.iter().find(|(node, _)| node.state == READY);
    again.or_else(ready).or(reports.first()).copied()
}

fn peer(word: &Peer, reports: &[(&Node, &Peer)], told: Option<i64>) -> AggregatedPeer {
    let said = || reports.iter().map(|(_, peer)| *peer);
    let oldest = said().filter_map(|peer| peer.up_since).min();
    AggregatedPeer {
        id: word.id.clone(),
        app_version: word.app_version.clone(),
        up_since: keep(told, oldest),
        address: word.address.clone(),
        state: word.state.clone(),
        last_message: Volatile(said().filter_map(|peer| peer.last_message.0).max()),
        protocol_version: word.protocol_version.clone(),
        latest_timestamp: said().filter_map(|peer| peer.latest_timestamp).max(),
        sync_timestamp: said().filter_map(|peer| peer.sync_timestamp).max(),
        peer_best_block: highest(said().filter_map(|peer| peer.peer_best_block.as_ref())),
        synced_block: highest(said().filter_map(|peer| peer.synced_block.as_ref())),
        warning_flags: word.warning_flags.clone(),
        entrypoints: sorted(said().flat_map(|peer| peer.entrypoints.iter().cloned()).collect()),
        connected_to: reports.iter().map(|(node, _)| node.id.clone()).collect(),
    }
}

/// The highest block; of two at one height the one with the smaller id.
fn highest<'a>(blocks: impl Iterator<Item = &'a Block>) -> Option<Block> {
    blocks.max_by(|a, b| a.height.cmp(&b.height).then_with(|| b.id.cmp(&a.id))).cloned()
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
