//! Nodes and peers for tests.

use super::{
    merge::Merged,
    model::{Block, Node, Peer, READY, Volatile},
};

/// The id of anything by its number.
pub(super) fn id(number: u32) -> String {
    format!("{number:064x}")
}

/// A node without peers.
pub(super) fn node(number: u32) -> Node {
    Node {
        id: id(number),
        app_version: "Hathor v0.72.0".into(),
        up_since: Some(1_700_000_000 + i64::from(number)),
        state: READY.into(),
        network: "mainnet".into(),
        first_timestamp: Some(1_577_836_800),
        latest_timestamp: Some(1_704_230_988),
        best_block: Some(Block { height: 4_125_507, id: "00b0".into() }),
        entrypoints: vec![format!("tcp://192.0.2.{}:40403", number % 256)],
        known_peers: Vec::new(),
        connected_peers: Vec::new(),
        peer_count: None,
        received_at_ms: Volatile(1_704_230_998_000),
    }
}

/// A peer as one node sees it.
pub(super) fn peer(number: u32, reporter: u32) -> Peer {
    Peer {
        id: id(number),
        app_version: "Hathor v0.71.0".into(),
        up_since: Some(1_703_000_000 + i64::from(number + reporter * 1000)),
        address: format!("198.51.100.{}:{}", number % 256, 40_000 + reporter),
        state: READY.into(),
        last_message: Volatile(Some(1_704_230_990 + i64::from(reporter))),
        protocol_version: "sync-v2".into(),
        latest_timestamp: None,
        sync_timestamp: None,
        peer_best_block: Some(Block { height: 4_125_507, id: "00b0".into() }),
        synced_block: Some(Block { height: 4_125_507, id: "00b0".into() }),
        warning_flags: Vec::new(),
        entrypoints: vec![format!("tcp://198.51.100.{}:40403", number % 256)],
    }
}

/// What nodes say, merged.
pub(super) fn merged(nodes: impl IntoIterator<Item = Node>) -> Merged {
    let mut merged = Merged::default();
    for node in nodes {
        merged.put(node.into());
    }
    merged.settle();
    merged
}
