//! What is known of one node: as it is kept in memory by whoever crawls it, and as JSON in the store.
//!
//! Times are milliseconds since 1970 by Redis' clock; epochs are numbers that only grow.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::discv5::Record;

/// Values of the freshness curve that are kept.
pub const CURVE: usize = 48;

/// What there is under one node id.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// Somebody told of it; it never answered, or not for long.
    Candidate(Candidate),
    /// It is a member of the live set.
    Live(Box<Node>),
}

/// A record that was only heard of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The newest record of it that anybody told of.
    pub enr: Record,
    /// When somebody told of it last.
    pub heard_at: u64,
    /// Times in a row that it was asked and did not answer.
    pub tries: u32,
    /// The epoch in which it was asked last; 0 for never.
    pub asked: u64,
    /// The epoch from which on it is asked again.
    pub next: u64,
    /// How often it was asked sooner because its address had changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moves: u32,
    /// Whether its record names no address that may be contacted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// When it was a member of the live set first, if it ever was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<u64>,
}

/// A member of the live set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its newest record by its own word, or, if it never gave one, by the word of others.
    pub enr: Record,
    /// A newer one that others told of; it counts once the node itself has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Record>,
    /// Where it answered, if its own record names no address that may be contacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// Its first answer ever.
    pub first_seen: u64,
    /// Since when it has been a member without a break.
    pub up_since: u64,
    /// Its last answer.
    pub last_seen: u64,
    /// When it was asked last.
    pub last_checked: u64,
    /// When it told of its neighbours last; 0 for never.
    pub drained_at: u64,
    /// Grows by one in every epoch in which it answers for itself, and shrinks while it does not.
    pub freshness: u32,
    /// Epochs in a row in which it was asked and did not answer.
    pub missed: u32,
    /// The quickest answer to its last check, in microseconds.
    pub rtt_us: u64,
    /// The last epoch in which it was checked.
    pub checked: u64,
    /// The last epoch in which it answered.
    pub answered: u64,
    /// The last epoch whose end it has seen.
    pub tracked: u64,
    /// Its freshness at the end of the last epochs, the newest last.
    pub curve: Vec<u32>,
}

/// A former member of the live set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gone {
    /// What it was.
    #[serde(flatten)]
    pub node: Node,
    /// When it left.
    pub gone_at: u64,
}

impl Entry {
    /// Its newest record.
    pub fn record(&self) -> &Record {
        match self {
            Self::Candidate(candidate) => &candidate.enr,
            Self::Live(node) => &node.enr,
        }
    }

    /// The record whose address is tried next.
    pub fn best(&self) -> &Record {
        match self {
            Self::Candidate(candidate) => &candidate.enr,
            Self::Live(node) => node.heard.as_ref().unwrap_or(&node.enr),
        }
    }

    /// The node, if it is a member.
    pub fn live(&self) -> Option<&Node> {
        match self {
            Self::Live(node) => Some(node),
            Self::Candidate(_) => None,
        }
    }
}

impl Candidate {
    /// One that was just heard of.
    pub fn new(enr: Record, at: u64, epoch: u64) -> Self {
        Self { enr, heard_at: at, tries: 0, asked: 0, next: epoch, moves: 0, refused: false, first_seen: None }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
