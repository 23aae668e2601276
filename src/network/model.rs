//! What is kept of full nodes and their peers, and the Network that all of it makes.

use serde::{Deserialize, Serialize};

/// The state of a node that serves.
pub const READY: &str = "READY";
/// The state of a node that is still catching up with its own past.
pub const INITIALIZING: &str = "INITIALIZING";

/// Something that is no reason to say that anything has changed: all values of it are equal.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Volatile<T>(pub T);

impl<T> PartialEq for Volatile<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Volatile<Option<T>> {
    /// Whether there is nothing in it.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

/// A block by its height and its hash.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Block {
    /// Blocks below it.
    pub height: u64,
    /// Its hash, in hexadecimal; empty where the node did not tell.
    pub id: String,
}

/// What one full node said of itself and its peers when it was last asked: the value of `<prefix>.node.<id>`.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub struct Node {
    /// 64 hexadecimal digits.
    pub id: String,
    /// `Hathor v0.72.0`.
    pub app_version: String,
    /// When its process began, in seconds since 1970; null where a node of its kind does not say.
    pub up_since: Option<i64>,
    /// `READY`, `INITIALIZING`, or whatever else it said.
    pub state: String,
    /// The network it says it is in.
    pub network: String,
    /// The time of its first vertex, in seconds since 1970.
    pub first_timestamp: Option<i64>,
    /// The time of its newest vertex, in seconds since 1970.
    pub latest_timestamp: Option<i64>,
    /// Its best block; null if it did not tell.
    pub best_block: Option<Block>,
    /// Where it can be reached; sorted, each once.
    pub entrypoints: Vec<String>,
    /// Ids of the peers it knows; sorted, each once.
    pub known_peers: Vec<String>,
    /// The peers it is connected to, by id; each once.
    pub connected_peers: Vec<Peer>,
    /// How many peers it has, where it tells that rather than who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_count: Option<u64>,
    /// When its answer came, in ms since 1970.
    pub received_at_ms: Volatile<u64>,
}

/// What one node said of one peer.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub struct Peer {
    /// 64 hexadecimal digits.
    pub id: String,
    /// As the peer said.
    pub app_version: String,
    /// When the connection began, in seconds since 1970: it is the connection's age, not that of the peer's process.
    pub up_since: Option<i64>,
    /// `ip:port`, as the node sees it.
    pub address: String,
    /// Of the connection.
    pub state: String,
    /// When the last message came over it, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Volatile::is_none")]
    pub last_message: Volatile<Option<i64>>,
    /// How the two synchronise; one that is not known is marked `(unsupported)`.
    pub protocol_version: String,
    /// Of the peer's newest vertex (sync-v1 only).
    pub latest_timestamp: Option<i64>,
    /// Up to when the two are in sync (sync-v1 only).
    pub sync_timestamp: Option<i64>,
    /// The peer's best block (sync-v2 only).
    pub peer_best_block: Option<Block>,
    /// The highest block that both have (sync-v2 only).
    pub synced_block: Option<Block>,
    /// What is odd about the connection; sorted, each once.
    pub warning_flags: Vec<String>,
    /// Where the peer can be reached, as far as the node knows; sorted, each once.
    pub entrypoints: Vec<String>,
}

/// Everything that is known: the value of `<prefix>.network.v1`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub struct Network {
    /// The nodes that were asked and answered, by id.
    pub nodes: Vec<AggregatedNode>,
    /// The peers that they are connected to, by id.
    pub peers: Vec<AggregatedPeer>,
}

/// A node in the Network.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[expect(missing_docs, reason = "as in Node")]
pub struct AggregatedNode {
    pub id: String,
    pub app_version: String,
    pub up_since: Option<i64>,
    pub state: String,
    pub network: String,
    pub latest_timestamp: Option<i64>,
    pub best_block: Option<Block>,
    pub entrypoints: Vec<String>,
    /// Ids, sorted.
    pub connected_peers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_count: Option<u64>,
}

/// A peer in the Network, as all nodes together see it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[expect(missing_docs, reason = "as in Peer")]
pub struct AggregatedPeer {
    pub id: String,
    pub app_version: String,
    /// Of the oldest connection to it.
    pub up_since: Option<i64>,
    pub address: String,
    pub state: String,
    #[serde(default, skip_serializing_if = "Volatile::is_none")]
    pub last_message: Volatile<Option<i64>>,
    pub protocol_version: String,
    pub latest_timestamp: Option<i64>,
    pub sync_timestamp: Option<i64>,
    pub peer_best_block: Option<Block>,
    pub synced_block: Option<Block>,
    pub warning_flags: Vec<String>,
    pub entrypoints: Vec<String>,
    /// Ids of the nodes that are connected to it, sorted.
    pub connected_to: Vec<String>,
}

/// Whether a text is an id: 64 lower case hexadecimal digits.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Sorted, each once.
pub(super) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}
