//! Where a crawl is, as its job keeps it: a run that was cut off goes on from there.

use std::time::Duration;

use discv5::Enr;
use serde::{Deserialize, Serialize};

use super::{
    address::Reach,
    frontier::{Frontier, State},
    report::Tally,
};

/// A crawl in the middle.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    nodes: Vec<Node>,
    overflowed: bool,
    pub(super) tally: Tally,
    took_ms: u64,
}

/// A node: its newest record as `enr:…`, what became of asking it, and how often it was asked again.
#[derive(Debug, Serialize, Deserialize)]
struct Node(String, Asked, u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Asked {
    #[serde(rename = "w")]
    Waiting,
    #[serde(rename = "r")]
    Reachable,
    #[serde(rename = "u")]
    Unreachable,
    #[serde(rename = "x")]
    Refused,
}

impl Saved {
    /// What is known, without the rows: those are the job's already.
    pub(super) fn new(frontier: &Frontier, tally: &Tally, took: Duration) -> Self {
        let node = |known: &super::frontier::Known| {
            let asked = match known.state {
                // Whoever is being asked has to be asked again.
                State::Waiting | State::Asking(_) => Asked::Waiting,
                State::Reachable => Asked::Reachable,
                State::Unreachable => Asked::Unreachable,
                State::Refused => Asked::Refused,
            };
            Node(known.record.to_base64(), asked, known.moves)
        };
        Self {
            nodes: frontier.nodes().map(node).collect(),
            overflowed: frontier.overflowed(),
            tally: tally.clone(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// How long it has taken.
    pub(super) fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms)
    }

    /// Everybody as they were. What may be contacted may have changed since, so that is looked at anew.
    pub(super) fn frontier(&self, reach: Reach, max_nodes: usize) -> Frontier {
        let mut frontier = Frontier::new(reach, max_nodes);
        for Node(record, asked, moves) in &self.nodes {
            let Ok(record) = record.parse::<Enr>() else { continue };
            let state = match asked {
                Asked::Waiting | Asked::Refused => None,
                Asked::Reachable => Some(State::Reachable),
                Asked::Unreachable => Some(State::Unreachable),
            };
            frontier.know(record, state, *moves);
        }
        frontier.overflow(self.overflowed);
        frontier
    }
}
