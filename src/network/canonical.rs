//! The Network as bytes: canonical ones to compare by, those that are saved, and the shape of before.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::model::{Network, Node};

/// What changes at every poll. No string can hold it: its quotes would be escaped.
const VOLATILE: &str = "\"last_message\":";
/// Bytes that a node or a peer has, to begin with.
const ITEM: usize = 1 << 10;

impl Network {
    /// As it is saved.
    pub fn json(&self) -> String {
        let mut json = Vec::with_capacity(ITEM * (self.nodes.len() + self.peers.len()));
        // Strings, integers and lists: this cannot fail.
        serde_json::to_writer(&mut json, self).ok();
        String::from_utf8(json).unwrap_or_default()
    }

    /// The text of what makes two Networks the same: without what changes at every poll.
    pub fn canonical(&self) -> String {
        still(&self.json()).collect()
    }

    /// As it is saved, and SHA-256 of the canonical text, in hexadecimal.
    pub fn digested(&self) -> (String, String) {
        let json = self.json();
        let digest = still(&json).fold(Sha256::new(), Sha256::chain_update).finalize();
        let digest = digest.iter().fold(String::with_capacity(64), |hex, byte| format!("{hex}{byte:02x}"));
        (json, digest)
    }

    /// In the shape that the service before had, as of `now` (seconds since 1970): ages in place of times.
    pub fn legacy(&self, now: f64) -> Value {
        let ages = |items: Value| match items {
            Value::Array(items) => items.into_iter().map(|item| aged(item, now)).collect(),
            other => other,
        };
        json!({ "nodes": ages(value(&self.nodes)), "peers": ages(value(&self.peers)) })
    }
}

impl Node {
    /// In the shape that the service before had, as of `now` (seconds since 1970).
    pub fn legacy(&self, now: f64) -> Value {
        let mut node = aged(value(self), now);
        if let Some(peers) = node.get_mut("connected_peers").and_then(Value::as_array_mut) {
            for peer in peers {
                *peer = aged(peer.take(), now);
            }
        }
        node
    }
}

/// The same text without what changes at every poll, which is never the last member of its object.
fn still(json: &str) -> impl Iterator<Item = &str> {
    let mut pieces = json.split(VOLATILE);
    let first = pieces.next();
    first.into_iter().chain(pieces.map(|piece| piece.split_once(',').map_or("", |(_, rest)| rest)))
}

fn value(item: &impl Serialize) -> Value {
    // Strings, integers and lists: this cannot fail.
    serde_json::to_value(item).unwrap_or_default()
}

/// A node or a peer with `uptime` in place of `up_since`, and with `last_message` as seconds ago.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far from 2^53")]
#[expect(clippy::cast_possible_truncation, reason = "an age in seconds, rounded down")]
fn aged(mut item: Value, now: f64) -> Value {
    let age = |time: &Value| time.as_i64().map(|time| (now - time as f64).max(0.0));
    if let Some(fields) = item.as_object_mut() {
        let uptime = fields.remove("up_since").and_then(|since| age(&since));
        fields.insert("uptime".into(), uptime.into());
        if let Some(last) = fields.get_mut("last_message") {
            *last = age(last).map(|age| age as i64).into();
        }
    }
    item
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};
    use crate::network::Volatile;

    #[test]
    fn only_what_changes_at_every_poll_is_left_out() {
        let mut node = samples::node(1);
        node.connected_peers = vec![samples::peer(2, 1), samples::peer(3, 1)];
        node.connected_peers[0].address = r#"a","last_message":7,"x":"{"last_message":8}"#.into();
        let of = |last: Option<i64>, node: &Node| {
            let mut network = samples::merged([node.clone()]).moment().network();
            network.peers.iter_mut().for_each(|peer| peer.last_message = Volatile(last));
            (network.canonical(), network.digested().1, network)
        };
        let (text, digest, mut network) = of(Some(1_795_280_897), &node);
        network.peers.iter_mut().for_each(|peer| peer.last_message = Volatile(None));
        assert_eq!(text, serde_json::to_string(&network).unwrap());
        assert_eq!((&text, &digest), (&of(None, &node).0, &of(Some(-1), &node).1));
        node.connected_peers[1].address.push('x');
        assert_ne!(digest, of(None, &node).1);
    }
}
