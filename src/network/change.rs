//! What is different between one revision of the Network and the next.

use serde::Serialize;

use super::model::{AggregatedNode, AggregatedPeer, Network};

/// Ids that one list of a change names; it counts all of them.
const NAMED: usize = 50;
/// The most bytes of a patch: where more is different, followers read the whole Network.
const MAX_PATCH: usize = 256 << 10;

/// Everything that is different in `after`, as it is now, or as it was if it left.
#[derive(Clone, Debug)]
pub struct Difference<'a> {
    nodes: Parts<'a, AggregatedNode>,
    peers: Parts<'a, AggregatedPeer>,
}

/// What joined, left and changed between two lists that are sorted by id.
#[derive(Clone, Debug)]
struct Parts<'a, T> {
    joined: Vec<&'a T>,
    left: Vec<&'a T>,
    changed: Vec<&'a T>,
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
trait Identified: PartialEq {
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

impl<'a> Difference<'a> {
    /// Compares two Networks.
    pub fn between(before: &'a Network, after: &'a Network) -> Self {
        Self { nodes: Parts::between(&before.nodes, &after.nodes), peers: Parts::between(&before.peers, &after.peers) }
    }

    /// Peers that are not there any more, as they were.
    pub fn departed(&self) -> &[&'a AggregatedPeer] {
        &self.peers.left
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

impl<'a, T: Identified> Parts<'a, T> {
    fn between(before: &'a [T], after: &'a [T]) -> Self {
        let find = |list: &'a [T], wanted: &T| {
            list.binary_search_by(|item| item.id().cmp(wanted.id())).ok().and_then(|place| list.get(place))
        };
        let (mut joined, mut changed) = (Vec::new(), Vec::new());
        for item in after {
            match find(before, item) {
                None => joined.push(item),
                Some(was) if was != item => changed.push(item),
                Some(_) => {}
            }
        }
        Self { joined, left: before.iter().filter(|item| find(after, item).is_none()).collect(), changed }
    }

    /// What is other than it was, or new.
    fn present(&self) -> Vec<&'a T> {
        self.joined.iter().chain(&self.changed).copied().collect()
    }

    fn gone(&self) -> Vec<&'a str> {
        self.left.iter().map(|item| item.id()).collect()
    }
}

fn ids<T: Identified>(items: &[&T]) -> Ids {
    Ids { count: items.len(), ids: items.iter().take(NAMED).map(|item| item.id().to_owned()).collect() }
}
