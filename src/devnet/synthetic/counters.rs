//! What happened in a network, in numbers.

use serde::Serialize;

use crate::discv5::NodeId;

/// The most bans that are listed; all are counted.
const LISTED: usize = 100;

/// What happened since the start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// Datagrams that arrived.
    pub packets_in: u64,
    /// Datagrams that were sent.
    pub packets_out: u64,
    /// Of those that arrived, how many were lost on purpose.
    pub lost_in: u64,
    /// Of those to be sent, how many were lost on purpose.
    pub lost_out: u64,
    /// Sent to an address where nobody lives, or somebody who is dead.
    pub nobody: u64,
    /// Dropped because they are no packets, do not open, or are answers to nothing.
    pub malformed: u64,
    /// Dropped because the sender is not on this machine.
    pub foreign: u64,
    /// Could not be sent, or had no room to wait.
    pub overflowed: u64,
    /// WHOAREYOU packets.
    pub challenges: u64,
    /// Sessions that began.
    pub handshakes: u64,
    /// PINGs answered.
    pub pings: u64,
    /// FINDNODEs answered.
    pub findnodes: u64,
    /// NODES packets that were poisoned.
    pub poisoned: u64,
    /// Packets that a limiter dropped, from those who are banned and from others.
    pub limited: u64,
    /// Bans.
    pub bans: u64,
    /// The first of them.
    pub banned: Vec<Ban>,
}

/// Who was banned by whom.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Ban {
    /// The node that asked too much, or its address.
    pub banned: String,
    /// The node that banned it.
    pub by: NodeId,
}

impl Counters {
    pub(super) fn ban(&mut self, banned: String, by: NodeId) {
        self.bans += 1;
        if self.banned.len() < LISTED {
            self.banned.push(Ban { banned, by });
        }
    }
}
