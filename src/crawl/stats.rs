//! What a network's nodes have in common, and how much of the network they are.

use std::collections::BTreeMap;

use ahash::HashMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    metrics::{as_float, rounded},
    record::{client, endpoint, fork},
    store::EpochCounts,
    view::{Graph, View},
};
use crate::discv5::NodeId;

/// Different names in one breakdown: the most frequent ones, because records choose theirs freely, and a few that make up
/// many shall not displace what most of them say.
const MAX_NAMES: usize = 64;
/// What the rest is counted as.
const OTHER: &str = "other";

/// Statistics of one network.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// The present epoch.
    pub epoch: u64,
    /// The live set.
    pub nodes: u64,
    /// Nodes that were only heard of, or have left.
    pub candidates: u64,
    /// Of the candidates, those that have no address that may be contacted.
    pub refused: u64,
    /// How many are remembered as gone.
    pub gone: u64,
    /// How many times a node told of another.
    pub edges: u64,
    /// Live nodes by client, where the record says.
    pub clients: BTreeMap<String, u64>,
    /// Live nodes by fork, where the record says: `eth2/` and the digest, or `eth/` and the hash.
    pub forks: BTreeMap<String, u64>,
    /// Live nodes by subnet (/24 of IPv4, /48 of IPv6), the largest.
    pub subnets: BTreeMap<String, u64>,
    /// The counts of the last epochs, the oldest first: found, left, updated, answered, silent, …
    pub epochs: Vec<EpochCounts>,
    /// How long nodes stayed: minutes, rounded down to a power of two, and how many.
    pub session_minutes: BTreeMap<u64, u64>,
    /// Live nodes by how many others told of them, rounded down to a power of two.
    pub in_degree: BTreeMap<u64, u64>,
    /// Of the copies of a live node's record that others gave in the epochs above, the part that was older than its own.
    pub stale_copy_rate: f64,
    /// How many nodes there may be.
    pub estimate: Estimate,
    /// What each of those who crawl now measures of its own work: [`Figures`](super::Figures).
    pub members: BTreeMap<String, Value>,
}

/// How many live nodes there may be, by capture and recapture (Chapman): those named by one half of the nodes, those named
/// by the other half, and those named by both. The halves are by the last bit of their ids, so they have nobody in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The estimate.
    pub nodes: f64,
    /// Half the width of its 95 % confidence interval.
    pub error: f64,
    /// The live set as a part of it, 0–1.
    pub covered: f64,
}

impl Stats {
    /// Adds everything up.
    pub fn of(view: &View, graph: &Graph) -> Self {
        let records = || view.nodes.values().map(|node| &node.enr);
        let (clients, forks) = (records().filter_map(client), records().filter_map(fork));
        let (subnets, _) = largest(records().filter_map(|record| endpoint(record).0).map(subnet));
        let named = InDegrees::of(view, graph);
        let stale = as_float(view.total("stale_copies"));
        let read = |(member, json): (&String, &String)| Some((member.clone(), serde_json::from_str(json).ok()?));
        Self {
            epoch: view.number("epoch"),
            nodes: view.nodes.len() as u64,
            candidates: view.candidates.len() as u64,
            refused: view.candidates.values().filter(|candidate| candidate.refused).count() as u64,
            gone: view.gone,
            edges: graph.edges(),
            clients: breakdown(clients),
            forks: breakdown(forks),
            subnets,
            epochs: view.epochs.clone(),
            session_minutes: view.sessions.clone(),
            in_degree: named.histogram(),
            stale_copy_rate: rounded(stale / as_float(view.total("edges")).max(1.0)),
            estimate: named.estimate(),
            members: view.metrics.iter().filter_map(read).collect(),
        }
    }
}

/// How often live nodes are told of, by each half of those who tell.
struct InDegrees(HashMap<NodeId, [u64; 2]>);

impl InDegrees {
    fn of(view: &View, graph: &Graph) -> Self {
        let mut degrees: HashMap<NodeId, [u64; 2]> = view.nodes.keys().map(|id| (*id, [0, 0])).collect();
        for (by, told) in graph.told() {
            let half = usize::from(by.0.last().is_some_and(|byte| byte & 1 == 1));
            for id in told {
                if let Some(count) = degrees.get_mut(&id).and_then(|halves| halves.get_mut(half)) {
                    *count += 1;
                }
            }
        }
        Self(degrees)
    }

    fn histogram(&self) -> BTreeMap<u64, u64> {
        let mut histogram = BTreeMap::new();
        for [a, b] in self.0.values() {
            let degree = (a + b).checked_ilog2().map_or(0, |power| 1_u64 << power);
            *histogram.entry(degree).or_default() += 1;
        }
        histogram
    }

    fn estimate(&self) -> Estimate {
        let (mut first, mut second, mut both) = (0, 0, 0);
        for [a, b] in self.0.values() {
            first += u64::from(*a > 0);
            second += u64::from(*b > 0);
            both += u64::from(*a > 0 && *b > 0);
        }
        Estimate::chapman(as_float(first), as_float(second), as_float(both), as_float(self.0.len() as u64))
    }
}

impl Estimate {
    fn chapman(first: f64, second: f64, both: f64, found: f64) -> Self {
        let nodes = ((first + 1.0) * (second + 1.0) / (both + 1.0) - 1.0).max(found);
        let variance = (first + 1.0) * (second + 1.0) * (first - both) * (second - both)
            / ((both + 1.0) * (both + 1.0) * (both + 2.0));
        let covered = if nodes > 0.0 { found / nodes } else { 0.0 };
        Self { nodes: rounded(nodes), error: rounded(1.96 * variance.sqrt()), covered: rounded(covered) }
    }
}

/// The /24 of an IPv4 address, the /48 of an IPv6 one.
fn subnet(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        std::net::IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// The most frequent names, the first by the alphabet of equals; and how often the others stand there, together.
fn largest(names: impl Iterator<Item = String>) -> (BTreeMap<String, u64>, u64) {
    let mut counts: HashMap<String, u64> = HashMap::default();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    let rest = all.split_off(all.len().min(MAX_NAMES));
    (all.into_iter().collect(), rest.into_iter().map(|(_, n)| n).sum())
}

/// The most frequent names, and the rest counted together.
fn breakdown(names: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let (mut names, rest) = largest(names);
    if rest > 0 {
        *names.entry(OTHER.to_owned()).or_default() += rest;
    }
    names
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
