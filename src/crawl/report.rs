//! What a crawl reports: numbers over all its nodes.

use std::{collections::BTreeMap, time::Duration};

use discv5::Enr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    frontier::Counts,
    record::{client, fork},
};

/// Different names in one breakdown; records choose theirs freely, so the rest is counted together.
const MAX_NAMES: usize = 64;
/// What the rest is counted as.
const OTHER: &str = "other";

/// The result of a crawl.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Nodes known at the end, whether they answered or not.
    pub found: u64,
    /// Nodes that answered.
    pub reachable: u64,
    /// Nodes that were asked and did not answer.
    pub unreachable: u64,
    /// Nodes never contacted: their record has no IPv4 address, or one that must not be contacted.
    pub refused: u64,
    /// Nodes whose own record was newer than the one others told of.
    pub records_updated: u64,
    /// Records that came as an answer to another question, and were dropped.
    pub bad_records: u64,
    /// Of those asked, the ones that an earlier run of this job had asked: it went on from there.
    pub resumed: u64,
    /// How long it took, in seconds.
    pub duration_s: f64,
    /// Nodes asked per second.
    pub nodes_per_s: f64,
    /// Reachable nodes by client, where the record says.
    pub clients: BTreeMap<String, u64>,
    /// Reachable nodes by fork, where the record says: `eth2/` and the digest, or `eth/` and the hash.
    pub forks: BTreeMap<String, u64>,
    /// How much of the network this is.
    pub complete: Complete,
}

/// How much of the network a report covers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Complete {
    /// Whether every node that anybody told of was asked.
    pub nodes: bool,
    /// Whether every neighbour of every node is listed.
    pub edges: bool,
    /// Why not.
    pub note: String,
}

/// Why a crawl ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody was left to ask.
    Exhausted,
    /// Time was up.
    TimeUp,
}

/// What is counted on the way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) records_updated: u64,
    pub(super) bad_records: u64,
    /// Nodes that an earlier run of the job had asked.
    #[serde(skip)]
    pub(super) resumed: u64,
    clients: BTreeMap<String, u64>,
    forks: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts what the record of a reachable node says.
    pub(super) fn reachable(&mut self, record: &Enr) {
        count(&mut self.clients, client(record));
        count(&mut self.forks, fork(record));
    }

    /// The report.
    pub(super) fn report(self, counts: Counts, end: End, overflowed: bool, took: Duration) -> Report {
        let seconds = took.as_secs_f64();
        let asked = counts.reachable + counts.unreachable;
        Report {
            found: counts.known,
            reachable: counts.reachable,
            unreachable: counts.unreachable,
            refused: counts.refused,
            records_updated: self.records_updated,
            bad_records: self.bad_records,
            resumed: self.resumed,
            duration_s: rounded(seconds),
            nodes_per_s: if seconds > 0.0 { rounded(as_float(asked) / seconds) } else { 0.0 },
            clients: self.clients,
            forks: self.forks,
            complete: completeness(end, overflowed),
        }
    }
}

fn completeness(end: End, overflowed: bool) -> Complete {
    let mut note = String::new();
    if end == End::TimeUp {
        note.push_str("max_duration_s was over before every node was asked; ");
    }
    if overflowed {
        note.push_str("there are more nodes than max_nodes; ");
    }
    note.push_str(
        "of each bucket only the records in the first packet of the answer are seen, so neighbours are missing",
    );
    Complete { nodes: end == End::Exhausted && !overflowed, edges: false, note }
}

fn count(names: &mut BTreeMap<String, u64>, name: Option<String>) {
    let Some(name) = name else { return };
    let name = if names.len() < MAX_NAMES || names.contains_key(&name) { name } else { OTHER.to_owned() };
    *names.entry(name).or_default() += 1;
}

/// Thousandths are enough for people.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Milliseconds, for people.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64() * 1000.0)
}

/// A part of a whole, 0–1.
pub(super) fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { as_float(part) / as_float(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}
