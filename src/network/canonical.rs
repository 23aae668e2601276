//! The Network as bytes: canonical ones to compare by, those that are saved, and the shape of before.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::model::{Network, Node, Volatile};

impl Network {
    /// The bytes of what makes two Networks the same: without what changes at every poll.
    pub fn canonical(&self) -> Vec<u8> {
        let mut still = self.clone();
        still.peers.iter_mut().for_each(|peer| peer.last_message = Volatile(None));
        // Strings, integers and lists: this cannot fail.
        serde_json::to_vec(&still).unwrap_or_default()
    }

    /// SHA-256 of the canonical bytes, in hexadecimal.
    pub fn digest(&self) -> String {
        Sha256::digest(self.canonical()).iter().fold(String::with_capacity(64), |hex, byte| format!("{hex}{byte:02x}"))
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
