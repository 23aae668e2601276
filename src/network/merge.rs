//! Nodes in, the Network out: who is there, and what all of them together say of their peers.
//!
//! Whatever order nodes, peers and entry points come in, the same Network comes out. What nodes may say differently about
//! one peer is taken from one of them, the same one as long as it still reports the peer.

use std::collections::BTreeMap;

use super::{
    model::{AggregatedNode, AggregatedPeer, Block, Network, Node, Peer, READY, Volatile, sorted},
    steady::keep,
};

/// Peers by id, each with the id of the node whose word about it counts.
pub type Reporters = BTreeMap<String, String>;

/// Merges what nodes said. `before` is the Network that was told last, `reporters` whose word counted in it.
pub fn merge<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    before: Option<&Network>,
    reporters: &Reporters,
) -> (Network, Reporters) {
    let nodes = newest(nodes);
    let mut reports: BTreeMap<&str, Vec<(&Node, &Peer)>> = BTreeMap::new();
    for node in nodes.values() {
        for peer in &node.connected_peers {
            reports.entry(&peer.id).or_default().push((node, peer));
        }
    }
    let told_of_node: BTreeMap<&str, Option<i64>> =
        before.into_iter().flat_map(|before| &before.nodes).map(|node| (node.id.as_str(), node.up_since)).collect();
    let told_of_peer: BTreeMap<&str, Option<i64>> =
        before.into_iter().flat_map(|before| &before.peers).map(|peer| (peer.id.as_str(), peer.up_since)).collect();
    let (mut peers, mut chosen) = (Vec::with_capacity(reports.len()), Reporters::new());
    for (id, reports) in reports {
        let Some((reporter, word)) = choose(&reports, reporters.get(id).map(String::as_str)) else { continue };
        chosen.insert(id.to_owned(), reporter.id.clone());
        peers.push(peer(word, &reports, told_of_peer.get(id).copied().flatten()));
    }
    let nodes = nodes.values().map(|one| node(one, told_of_node.get(one.id.as_str()).copied().flatten())).collect();
    (Network { nodes, peers }, chosen)
}

/// Nodes by id; of two answers of one node the newer counts.
fn newest<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> BTreeMap<&'a str, &'a Node> {
    let mut newest: BTreeMap<&str, &Node> = BTreeMap::new();
    for node in nodes {
        let there = newest.entry(&node.id).or_insert(node);
        if is_newer(node, there) {
            *there = node;
        }
    }
    newest
}

fn is_newer(node: &Node, there: &Node) -> bool {
    // Of two in the same millisecond either will do, as long as it is always the same.
    let text = |node: &Node| serde_json::to_string(node).unwrap_or_default();
    match node.received_at_ms.0.cmp(&there.received_at_ms.0) {
        std::cmp::Ordering::Equal => !std::ptr::eq(node, there) && text(node) > text(there),
        order => order.is_gt(),
    }
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
