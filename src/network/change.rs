//! What is different between one revision of the Network and the next.

use std::collections::BTreeSet;

use serde::Serialize;

use super::model::{AggregatedPeer, Network};

/// Ids that one list of a change names; it counts all of them.
const NAMED: usize = 50;

/// What one revision changed.
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

impl<'a> FromIterator<&'a str> for Ids {
    fn from_iter<T: IntoIterator<Item = &'a str>>(all: T) -> Self {
        let mut ids = Self::default();
        for id in all {
            ids.count += 1;
            if ids.ids.len() < NAMED {
                ids.ids.push(id.to_owned());
            }
        }
        ids
    }
}

impl Change {
    /// What is different in `after`.
    pub fn between(before: &Network, after: &Network) -> Self {
        let [nodes_joined, nodes_left, nodes_changed] = differences(&before.nodes, &after.nodes, |node| &node.id);
        let [peers_joined, peers_left, peers_changed] = differences(&before.peers, &after.peers, |peer| &peer.id);
        Self { nodes_joined, nodes_left, nodes_changed, peers_joined, peers_left, peers_changed }
    }
}

/// Peers that are not there any more, as they were.
pub fn departed<'a>(before: &'a Network, after: &Network) -> Vec<&'a AggregatedPeer> {
    let there: BTreeSet<&str> = after.peers.iter().map(|peer| peer.id.as_str()).collect();
    before.peers.iter().filter(|peer| !there.contains(peer.id.as_str())).collect()
}

/// What joined, left and changed between two lists that are sorted by id.
fn differences<T: PartialEq>(before: &[T], after: &[T], id: impl Fn(&T) -> &String) -> [Ids; 3] {
    let find = |list: &'_ [T], wanted: &str| list.binary_search_by(|item| id(item).as_str().cmp(wanted)).ok();
    let joined = after.iter().filter(|item| find(before, id(item)).is_none());
    let left = before.iter().filter(|item| find(after, id(item)).is_none());
    let changed = after.iter().filter(|item| {
        let was = find(before, id(item)).and_then(|place| before.get(place));
        was.is_some_and(|was| was != *item)
    });
    [
        joined.map(|item| id(item).as_str()).collect(),
        left.map(|item| id(item).as_str()).collect(),
        changed.map(|item| id(item).as_str()).collect(),
    ]
}
