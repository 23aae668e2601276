//! What a crawl reports: numbers over all nodes of its network.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    member::End,
    metrics::{as_float, rounded},
    stats::{Estimate, Stats},
    view::View,
};

/// The result of a crawl.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// What the network is called in the store.
    pub network: String,
    /// The first and the last epoch of the crawl.
    pub epochs: [u64; 2],
    /// Nodes known at the end, whether they answered or not.
    pub found: u64,
    /// Nodes that answered in the last epoch.
    pub reachable: u64,
    /// Nodes that were asked and did not answer.
    pub unreachable: u64,
    /// Nodes never contacted: their record has no address, or one that must not be contacted.
    pub refused: u64,
    /// How many times a node told of another.
    pub edges: u64,
    /// Nodes whose own record was newer than the one known before.
    pub records_updated: u64,
    /// Records that were no records, or no answer to what was asked, and were dropped; by this job, in its last run.
    pub bad_records: u64,
    /// Copies of records that were older than what the node itself says.
    pub stale_copies: u64,
    /// Nodes that had answered in this crawl before this run began: it went on from there.
    pub resumed: u64,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// Nodes asked per second.
    pub nodes_per_s: f64,
    /// Live nodes by client, where the record says.
    pub clients: BTreeMap<String, u64>,
    /// Live nodes by fork, where the record says: `eth2/` and the digest, or `eth/` and the hash.
    pub forks: BTreeMap<String, u64>,
    /// How many nodes there may be.
    pub estimate: Estimate,
    /// How much of the network this is.
    pub complete: Complete,
}

/// How much of the network a report covers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Complete {
    /// Whether every node that anybody told of was asked.
    pub nodes: bool,
    /// Whether every node that answered told of all its neighbours.
    pub edges: bool,
    /// Why not.
    pub note: String,
}

/// What the store does not know.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    pub(super) network: String,
    pub(super) end: End,
    pub(super) overflowed: bool,
    pub(super) resumed: u64,
    pub(super) bad_records: u64,
    /// Questions of this run that were answered.
    pub(super) answered: u64,
    pub(super) took: Duration,
}

impl Report {
    /// Adds up a network as it is at the end of a crawl.
    pub(super) fn of(view: &View, stats: Stats, here: Circumstances) -> Self {
        let (epoch, began) = (view.number("epoch"), view.number("began"));
        let total = |name: &str| {
            let of_this = view.epochs.iter().filter(|counts| counts.epoch >= began);
            of_this.filter_map(|counts| counts.counts.get(name)).sum::<u64>()
        };
        let reachable = view.nodes.values().filter(|node| node.answered >= epoch).count() as u64;
        let unreachable =
            view.candidates.values().filter(|candidate| candidate.asked >= began && !candidate.refused).count() as u64
                + view.nodes.values().filter(|node| node.checked >= epoch && node.answered < epoch).count() as u64;
        let seconds = here.took.as_secs_f64();
        let asked = as_float(reachable + unreachable);
        let complete = completeness(&here, total("partial") + total("undrained"));
        Self {
            network: here.network,
            epochs: [began, epoch],
            found: (view.nodes.len() + view.candidates.len()) as u64,
            reachable,
            unreachable,
            refused: stats.refused,
            edges: stats.edges,
            records_updated: total("updated"),
            bad_records: here.bad_records,
            stale_copies: total("stale_copies"),
            resumed: here.resumed,
            duration_s: rounded(seconds),
            nodes_per_s: if seconds > 0.0 { rounded(asked / seconds) } else { 0.0 },
            clients: stats.clients,
            forks: stats.forks,
            estimate: stats.estimate,
            complete,
        }
    }
}

fn completeness(here: &Circumstances, partly: u64) -> Complete {
    let mut reasons = Vec::new();
    if here.end == End::TimeUp {
        reasons.push("max_duration_s was over before every node was asked".to_owned());
    }
    if here.overflowed {
        reasons.push("there are more nodes than max_nodes".to_owned());
    }
    let nodes = reasons.is_empty();
    if partly > 0 {
        reasons.push(format!("{partly} nodes did not answer every question for their neighbours"));
    }
    Complete { nodes, edges: nodes && partly == 0, note: reasons.join("; ") }
}
