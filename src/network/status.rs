//! `GET /v1a/status` of a Hathor full node, read: strict about the document, lenient about every peer in it.
//!
//! The document must say who the node is, since when and in which state; whatever newer or older versions do not have may
//! be missing. A peer that cannot be read is left out and counted, it never costs the node.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::model::{Block, Node, Peer, READY, Volatile, is_id, sorted};

/// Peers of one kind that are read of one status.
const MAX_PEERS: usize = 5000;
/// Bytes of one text.
const MAX_TEXT: usize = 512;
/// Entry points, or warnings, of one peer.
const MAX_TEXTS: usize = 64;
/// Protocols that nodes synchronise by.
const PROTOCOLS: [&str; 3] = ["sync-v1", "sync-v1.1", "sync-v2"];

/// When an answer came.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// The middle between question and answer, in seconds since 1970.
    pub middle: f64,
}

/// A status that could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// What it says.
    pub node: Node,
    /// Peers in it that could not be read.
    pub skipped: u64,
    /// Where its peers can be reached, by their ids.
    pub hints: Vec<Hint>,
}

/// A host of a peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    /// The peer.
    pub id: String,
    /// An entry point (`tcp://host:port/?id=…`), or an address (`ip:port`).
    pub place: String,
}

/// Why a status could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// It is not JSON, or something that must be there is not, or is something else.
    #[error("not a status: {0}")]
    Shape(#[from] serde_json::Error),
    /// The id is none.
    #[error("not a status: the id is not 64 lower case hexadecimal digits")]
    Id,
    /// A number or a text is out of all bounds.
    #[error("not a status: {0} is out of bounds")]
    Bounds(&'static str),
}

#[derive(Deserialize)]
struct Document<'a> {
    server: Server,
    #[serde(borrow, default)]
    known_peers: Vec<&'a RawValue>,
    #[serde(borrow)]
    connections: Connections<'a>,
    dag: Dag,
}

#[derive(Deserialize)]
struct Server {
    id: String,
    app_version: String,
    state: String,
    network: String,
    uptime: f64,
    #[serde(default)]
    entrypoints: Vec<String>,
}

#[derive(Deserialize)]
struct Connections<'a> {
    #[serde(borrow)]
    connected_peers: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Dag {
    first_timestamp: i64,
    latest_timestamp: i64,
    best_block: Option<Best>,
}

/// Blocks go by their hash here, and by their id there.
#[derive(Deserialize)]
struct Best {
    #[serde(alias = "id")]
    hash: String,
    height: u64,
}

#[derive(Deserialize)]
struct Known {
    id: String,
    #[serde(default)]
    entrypoints: Vec<String>,
}

#[derive(Deserialize)]
struct Connected {
    id: String,
    app_version: String,
    current_time: Option<f64>,
    uptime: f64,
    address: String,
    state: String,
    last_message: Option<f64>,
    #[serde(default)]
    plugins: Plugins,
    #[serde(default)]
    warning_flags: Vec<String>,
    protocol_version: Option<String>,
}

#[derive(Default, Deserialize)]
struct Plugins {
    #[serde(rename = "node-block-sync")]
    blocks: Option<BlockSync>,
    #[serde(rename = "node-sync-timestamp")]
    timestamps: Option<TimestampSync>,
}

#[derive(Deserialize)]
struct BlockSync {
    peer_best_block: Option<Best>,
    synced_block: Option<Best>,
}

#[derive(Deserialize)]
struct TimestampSync {
    latest_timestamp: Option<i64>,
    #[serde(alias = "sync_timestamp")]
    synced_timestamp: Option<i64>,
}

/// Reads a status.
pub fn read(body: &[u8], receipt: Receipt) -> Result<Status, StatusError> {
    let document: Document<'_> = serde_json::from_slice(body)?;
    let Document { server, known_peers, connections, dag } = document;
    if !is_id(&server.id) {
        return Err(StatusError::Id);
    }
    for (name, text) in [("app_version", &server.app_version), ("state", &server.state), ("network", &server.network)] {
        fits(text).ok_or(StatusError::Bounds(name))?;
    }
    let mut skipped = 0;
    let known = known(&known_peers, &mut skipped);
    let mut clock = None;
    let mut peers: BTreeMap<String, Peer> = BTreeMap::new();
    for raw in connections.connected_peers.iter().take(MAX_PEERS) {
        let Some((peer, time)) = connected(raw, receipt, &known) else {
            skipped += 1;
            continue;
        };
        // Of several, taken one after the other, the last.
        clock = time.into_iter().chain(clock).reduce(f64::max);
        match peers.entry(peer.id.clone()) {
            Entry::Vacant(place) => drop(place.insert(peer)),
            Entry::Occupied(mut there) if rank(&peer) < rank(there.get()) => drop(there.insert(peer)),
            Entry::Occupied(_) => {}
        }
    }
    skipped += connections.connected_peers.len().saturating_sub(MAX_PEERS) as u64;
    let hints = hints(&known, &peers);
    let up_since = seconds(clock.unwrap_or(receipt.middle), server.uptime).ok_or(StatusError::Bounds("uptime"))?;
    let node = Node {
        id: server.id,
        app_version: server.app_version,
        up_since: Some(up_since),
        state: server.state,
        network: server.network,
        first_timestamp: Some(dag.first_timestamp),
        latest_timestamp: Some(dag.latest_timestamp),
        best_block: dag.best_block.map(block).transpose().map_err(|()| StatusError::Bounds("best_block"))?,
        entrypoints: bounded(server.entrypoints).ok_or(StatusError::Bounds("entrypoints"))?,
        known_peers: known.into_keys().collect(),
        connected_peers: peers.into_values().collect(),
        peer_count: None,
        received_at_ms: Volatile(whole(receipt.middle * 1000.0).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)),
    };
    Ok(Status { node, skipped, hints })
}

/// Known peers by id, each with its entry points.
fn known(raw: &[&RawValue], skipped: &mut u64) -> BTreeMap<String, Vec<String>> {
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for raw in raw.iter().take(MAX_PEERS) {
        let read = serde_json::from_str::<Known>(raw.get()).ok().filter(|peer| is_id(&peer.id));
        match read.and_then(|peer| Some((peer.id, bounded(peer.entrypoints)?))) {
            Some((id, entrypoints)) => {
                let all = known.entry(id).or_default();
                all.extend(entrypoints);
                all.sort_unstable();
                all.dedup();
                all.truncate(MAX_TEXTS);
            }
            None => *skipped += 1,
        }
    }
    *skipped += raw.len().saturating_sub(MAX_PEERS) as u64;
    known
}

/// A connected peer, and what the node's own clock showed.
fn connected(raw: &RawValue, receipt: Receipt, known: &BTreeMap<String, Vec<String>>) -> Option<(Peer, Option<f64>)> {
    let peer: Connected = serde_json::from_str(raw.get()).ok()?;
    if !is_id(&peer.id) {
        return None;
    }
    for text in [&peer.app_version, &peer.address, &peer.state] {
        fits(text)?;
    }
    let time = peer.current_time.filter(|time| is_time(*time));
    let now = time.unwrap_or(receipt.middle);
    let protocol_version = protocol(peer.protocol_version, &peer.plugins)?;
    let (blocks, timestamps) = (peer.plugins.blocks, peer.plugins.timestamps);
    let (peer_best_block, synced_block) = match blocks {
        Some(sync) => {
            (sync.peer_best_block.map(block).transpose().ok()?, sync.synced_block.map(block).transpose().ok()?)
        }
        None => (None, None),
    };
    let read = Peer {
        up_since: Some(seconds(now, peer.uptime)?),
        last_message: Volatile(peer.last_message.and_then(|ago| seconds(now, ago))),
        protocol_version,
        latest_timestamp: timestamps.as_ref().and_then(|sync| sync.latest_timestamp),
        sync_timestamp: timestamps.as_ref().and_then(|sync| sync.synced_timestamp),
        peer_best_block,
        synced_block,
        warning_flags: bounded(peer.warning_flags)?,
        entrypoints: known.get(&peer.id).cloned().unwrap_or_default(),
        id: peer.id,
        app_version: peer.app_version,
        address: peer.address,
        state: peer.state,
    };
    Some((read, time))
}

/// Old nodes do not say by which protocol: what the plugin is called tells it.
fn protocol(said: Option<String>, plugins: &Plugins) -> Option<String> {
    match said {
        Some(version) if PROTOCOLS.contains(&version.as_str()) => Some(version),
        Some(version) => fits(&version).map(|version| format!("{version} (unsupported)")),
        None if plugins.blocks.is_some() => Some("sync-v2".into()),
        None if plugins.timestamps.is_some() => Some("sync-v1.1".into()),
        None => Some("unknown (unsupported)".into()),
    }
}

/// Of two connections to one peer the better is told, whichever stands first.
fn rank(peer: &Peer) -> (bool, Option<i64>, &str) {
    (peer.state != READY, peer.up_since, &peer.address)
}

fn hints(known: &BTreeMap<String, Vec<String>>, peers: &BTreeMap<String, Peer>) -> Vec<Hint> {
    let known = known.iter().flat_map(|(id, places)| places.iter().map(move |place| (id, place)));
    let connected = peers.iter().map(|(id, peer)| (id, &peer.address));
    let mut hints: Vec<Hint> =
        known.chain(connected).map(|(id, place)| Hint { id: id.clone(), place: place.clone() }).collect();
    hints.sort_unstable();
    hints.dedup();
    hints
}

fn block(best: Best) -> Result<Block, ()> {
    let Best { hash, height } = best;
    fits(&hash).ok_or(())?;
    Ok(Block { height, id: hash })
}

fn fits(text: &str) -> Option<&str> {
    (text.len() <= MAX_TEXT).then_some(text)
}

/// Sorted, each once; nothing if there are too many, or one is too long.
fn bounded(texts: Vec<String>) -> Option<Vec<String>> {
    (texts.len() <= MAX_TEXTS && texts.iter().all(|text| fits(text).is_some())).then(|| sorted(texts))
}

/// A time that a clock may show, in seconds since 1970.
fn is_time(time: f64) -> bool {
    (0.0..1e11).contains(&time)
}

/// The whole second that was so long before `now`.
fn seconds(now: f64, ago: f64) -> Option<i64> {
    // What is not finite is no time either.
    Some(now - ago).filter(|time| is_time(*time)).and_then(whole)
}

#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
fn whole(number: f64) -> Option<i64> {
    (0.0..1e15).contains(&number).then(|| number.round() as i64)
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
