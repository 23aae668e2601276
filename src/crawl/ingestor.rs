//! The ingestor's rules: what an answer, a silence or somebody else's word changes in what is known of one node.
//! Only the node's own answer raises its freshness, once an epoch; a neighbour's copy never does.

use super::node::{Candidate, Entry, Node};
use crate::discv5::Record;

/// The most epochs between two tries of a candidate.
const LONGEST_PAUSE: u64 = 64;
/// How often a candidate is asked sooner because somebody told of a newer record with another address. A node's key can
/// sign any number of them.
const MAX_MOVES: u32 = 2;

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970.
    pub at: u64,
    /// The epoch.
    pub epoch: u64,
}

/// What somebody's word about a node changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: this record is known.
    Known,
    /// Nothing: a newer one is known.
    Stale,
    /// Nothing: one of the same number with other content is known.
    Conflicting,
    /// A newer record: the node shall be asked for it now.
    Newer,
    /// A newer record of a candidate, which is asked when it is due.
    Noted,
}

/// What a node's own record changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// It is a member of the live set from now on.
    Found,
    /// It is alive, and its record is as it was.
    Same,
    /// It is alive, and this was its record until now.
    Updated(Record),
    /// It is alive, but told of an older record than it had told before.
    Older,
}

/// What a node's PONG changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ponged {
    /// It is alive, and its record is as it was.
    Same,
    /// It is alive and has a newer record: it shall be asked for that.
    Rose,
    /// It is alive, but says that its record is an older one.
    Older,
}

impl Entry {
    /// Somebody told of this node's record.
    pub fn hear(&mut self, record: Record, now: Moment) -> Heard {
        let best = self.best();
        let heard = match record.seq().cmp(&best.seq()) {
            std::cmp::Ordering::Less => Heard::Stale,
            std::cmp::Ordering::Equal if record.rlp() == best.rlp() => Heard::Known,
            std::cmp::Ordering::Equal => Heard::Conflicting,
            std::cmp::Ordering::Greater => Heard::Newer,
        };
        match self {
            Self::Live(node) if heard == Heard::Newer => {
                node.heard = Some(record);
                heard
            }
            Self::Live(_) => heard,
            Self::Candidate(candidate) => {
                candidate.heard_at = now.at;
                if heard != Heard::Newer {
                    return heard;
                }
                let moved = record.udp4_socket() != candidate.enr.udp4_socket()
                    || record.udp6_socket() != candidate.enr.udp6_socket();
                candidate.enr = record;
                // One that was not asked yet will be, at its new address; unless there was none to ask it at.
                if moved && (candidate.tries > 0 || candidate.refused) && candidate.moves < MAX_MOVES {
                    candidate.moves += 1;
                    candidate.next = now.epoch;
                    return Heard::Newer;
                }
                Heard::Noted
            }
        }
    }

    /// The node answered the question for its own record; `own` is that record, if it could be read.
    pub fn told(&mut self, own: Option<Record>, rtt_us: u64, now: Moment) -> Told {
        match self {
            Self::Candidate(candidate) => {
                let newer = own.filter(|own| own.seq() >= candidate.enr.seq());
                let mut node = Node {
                    enr: newer.unwrap_or_else(|| candidate.enr.clone()),
                    heard: None,
                    address: None,
                    first_seen: candidate.first_seen.unwrap_or(now.at),
                    up_since: now.at,
                    last_seen: 0,
                    last_checked: 0,
                    drained_at: 0,
                    freshness: 0,
                    missed: 0,
                    rtt_us: 0,
                    checked: 0,
                    answered: 0,
                    tracked: now.epoch.saturating_sub(1),
                    curve: Vec::new(),
                };
                node.alive(rtt_us, now, Raise::Yes);
                *self = Self::Live(Box::new(node));
                Told::Found
            }
            Self::Live(node) => {
                let order = own.as_ref().map(|own| own.seq().cmp(&node.enr.seq()));
                let raise = if order == Some(std::cmp::Ordering::Less) { Raise::No } else { Raise::Yes };
                node.alive(rtt_us, now, raise);
                match (own, order) {
                    (Some(own), Some(std::cmp::Ordering::Greater)) => {
                        node.heard = node.heard.take().filter(|heard| heard.seq() > own.seq());
                        Told::Updated(std::mem::replace(&mut node.enr, own))
                    }
                    (_, Some(std::cmp::Ordering::Less)) => Told::Older,
                    _ => Told::Same,
                }
            }
        }
    }

    /// The node, a member, answered a PING.
    pub fn ponged(&mut self, seq: u64, rtt_us: u64, now: Moment) -> Ponged {
        let Self::Live(node) = self else { return Ponged::Same };
        let ponged = match seq.cmp(&node.enr.seq()) {
            std::cmp::Ordering::Less => Ponged::Older,
            std::cmp::Ordering::Equal => Ponged::Same,
            std::cmp::Ordering::Greater => Ponged::Rose,
        };
        node.alive(rtt_us, now, if ponged == Ponged::Older { Raise::No } else { Raise::Yes });
        ponged
    }

    /// The node was asked and did not answer. What that costs is decided at the end of the epoch.
    pub fn silent(&mut self, now: Moment) {
        match self {
            Self::Candidate(candidate) => {
                candidate.asked = now.epoch;
                candidate.next =
                    now.epoch + 1_u64.checked_shl(candidate.tries).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                candidate.tries = candidate.tries.saturating_add(1);
            }
            Self::Live(node) => {
                node.last_checked = now.at;
                node.checked = now.epoch;
                // The address that others told of is wrong, or worth no more than the one before.
                node.heard = None;
            }
        }
    }

    /// A member that leaves the live set is a candidate like others, asked ever more rarely.
    pub fn leave(&mut self, now: Moment) {
        if let Self::Live(node) = self {
            *self = Self::Candidate(Candidate {
                tries: 1,
                asked: node.checked,
                next: now.epoch + 1,
                first_seen: Some(node.first_seen),
                ..Candidate::new(node.enr.clone(), now.at, now.epoch)
            });
        }
    }
}

/// Whether an answer raises the freshness.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Raise {
    Yes,
    No,
}

impl Node {
    fn alive(&mut self, rtt_us: u64, now: Moment, raise: Raise) {
        if raise == Raise::Yes && self.answered < now.epoch {
            self.freshness = self.freshness.saturating_add(1);
        }
        (self.last_seen, self.last_checked, self.rtt_us) = (now.at, now.at, rtt_us);
        (self.checked, self.answered) = (now.epoch, now.epoch);
    }
}
