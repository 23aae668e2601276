//! What can be asked, and what comes of it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    codec::{MAX_DISTANCE, Message, RequestId},
    node_id::NodeId,
    packet::Nonce,
    record::Record,
};

/// The most packets that one answer is waited for.
const MAX_PACKETS: u64 = 16;
/// The most records of one answer: twice what the protocol allows, for who adds its own or miscounts.
const MAX_RECORDS: usize = 32;
/// The lowest bucket of geth's table holds every distance up to here; asked for any of them, it tells all of them.
const LOWEST_BUCKET: u16 = 239;
/// The most distances in one question: the whole sparse tail of a table, in less than 200 bytes.
const MAX_DISTANCES: usize = 64;

/// Whom to ask: the record has the key, the address is where to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The peer's record, any version of it.
    pub record: Record,
    /// The address to use, whatever the record says.
    pub address: SocketAddr,
}

/// Answer to PING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// Number of the peer's newest record.
    pub seq: u64,
    /// From the last packet of the question to the answer.
    pub took: Duration,
    /// Where the peer sees us; not to be trusted.
    pub seen_as: (IpAddr, u16),
}

/// Answer to FINDNODE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// Verified records, each at a distance that was asked for, each once.
    pub records: Vec<Record>,
    /// Whether all packets of the answer came.
    pub completeness: Completeness,
    /// From the last packet of the question to the last of the answer, or to the end of the wait for it.
    pub took: Duration,
    /// What the answer held beyond the records.
    pub dropped: Dropped,
}

/// Whether an answer in several packets came whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// All packets came that the first one announced.
    Whole,
    /// Time ran out first.
    Partial {
        /// Packets that came.
        packets: u64,
        /// Packets that were announced, 16 at most.
        announced: u64,
    },
}

/// Records of one answer that are not handed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Not a valid record.
    pub bad: u64,
    /// At a distance that was not asked for.
    pub wrong_distance: u64,
    /// Beyond what an answer may hold.
    pub surplus: u64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AskError {
    /// None came in time, however often it was asked.
    #[error("no answer")]
    Silent,
    /// The client has no socket for the address's family.
    #[error("the client has no socket for this kind of address")]
    NoSocket,
    /// No packet can be sent to this address.
    #[error("nobody can be asked at this address")]
    Address,
    /// The peer is the client itself.
    #[error("the client does not ask itself")]
    Itself,
    /// None, too many, or one that does not exist.
    #[error("a question names 1 to {MAX_DISTANCES} distances of 0 to {MAX_DISTANCE}")]
    Distances,
    /// The client has ended.
    #[error("the client has ended")]
    Closed,
}

/// A question, and who waits for its answer.
#[derive(Debug)]
pub(super) enum Question {
    Ping(oneshot::Sender<Result<Pong, AskError>>),
    FindNode { distances: Vec<u16>, gathered: Gathered, answer: oneshot::Sender<Result<Nodes, AskError>> },
}

impl Question {
    /// Whether nobody waits any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Ping(answer) => answer.is_closed(),
            Self::FindNode { answer, .. } => answer.is_closed(),
        }
    }

    pub(super) fn message(&self, id: RequestId, seq: u64) -> Message<'static> {
        match self {
            Self::Ping(_) => Message::Ping { id, seq },
            Self::FindNode { distances, .. } => Message::FindNode { id, distances: distances.clone() },
        }
    }

    /// Ends it without an answer. Who has gone does not hear it.
    pub(super) fn fail(self, error: AskError) {
        match self {
            Self::Ping(answer) => answer.send(Err(error)).is_ok(),
            Self::FindNode { answer, .. } => answer.send(Err(error)).is_ok(),
        };
    }
}

/// Whether these distances can be asked for.
pub(super) fn check_distances(distances: &[u16]) -> Result<(), AskError> {
    let known = distances.iter().all(|distance| *distance <= MAX_DISTANCE);
    let count = (1..=MAX_DISTANCES).contains(&distances.len());
    if known && count { Ok(()) } else { Err(AskError::Distances) }
}

/// The packets of an answer that have come so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    records: Vec<Record>,
    dropped: Dropped,
    announced: u64,
    /// Of each packet, so that one that comes twice counts once.
    nonces: Vec<Nonce>,
}

impl Gathered {
    /// Notes a packet; whether it is a new one, and no more than an answer may have: who announces none can send any
    /// number of them, and each of their records may cost a signature.
    pub(super) fn packet(&mut self, nonce: Nonce, total: u64) -> bool {
        if self.packets() >= MAX_PACKETS || self.nonces.contains(&nonce) {
            return false;
        }
        // An answer of no packets is none that could be whole.
        self.announced = self.announced.max(total.min(MAX_PACKETS));
        self.nonces.push(nonce);
        true
    }

    /// Whether there is no room for another record.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= MAX_RECORDS
    }

    /// Keeps a record if it is one that `peer` was asked for at `distances`.
    pub(super) fn record(&mut self, peer: NodeId, distances: &[u16], record: &Record) -> bool {
        let right = is_asked_for(peer.distance(record.id()), distances);
        if right && !self.records.contains(record) {
            self.records.push(record.clone());
        }
        right
    }

    pub(super) fn dropped(&mut self) -> &mut Dropped {
        &mut self.dropped
    }

    /// Whether nothing has come.
    pub(super) fn is_empty(&self) -> bool {
        self.nonces.is_empty()
    }

    /// Whether all has come.
    pub(super) fn is_whole(&self) -> bool {
        self.announced > 0 && self.packets() >= self.announced
    }

    pub(super) fn into_nodes(self, took: Duration) -> Nodes {
        let completeness = if self.is_whole() {
            Completeness::Whole
        } else {
            Completeness::Partial { packets: self.packets(), announced: self.announced }
        };
        Nodes { records: self.records, completeness, took, dropped: self.dropped }
    }

    fn packets(&self) -> u64 {
        u64::try_from(self.nonces.len()).unwrap_or(u64::MAX)
    }
}

/// Whether a record at this distance answers a question for those.
fn is_asked_for(distance: u16, distances: &[u16]) -> bool {
    let lowest = distances.iter().copied().filter(|distance| *distance > 0).min();
    let bucket = lowest.is_some_and(|lowest| lowest <= LOWEST_BUCKET) && (1..=LOWEST_BUCKET).contains(&distance);
    bucket || distances.contains(&distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_an_answer() {
        let table: [(u16, &[u16], bool); 12] = [
            (0, &[0], true),
            (0, &[256], false),
            (256, &[0], false),
            (5, &[0], false),
            (256, &[256], true),
            (255, &[256, 254], false),
            (254, &[256, 254], true),
            (239, &[1], true),
            (1, &[239, 256], true),
            (0, &[239], false),
            (240, &[239], false),
            (239, &[240], false),
        ];
        for (distance, distances, right) in table {
            assert_eq!(is_asked_for(distance, distances), right, "{distance} of {distances:?}");
        }
    }

    #[test]
    fn an_announced_number_of_packets_is_taken_within_bounds() {
        for (total, announced) in [(1, 1), (16, 16), (17, 16), (255, 16), (u64::MAX, 16)] {
            let mut gathered = Gathered::default();
            for packet in 0..announced {
                assert!(!gathered.is_whole(), "{total} after {packet}");
                let nonce = [u8::try_from(packet).expect("small"); 12];
                assert!(gathered.packet(nonce, total));
                assert!(!gathered.packet(nonce, total), "a packet counts once");
            }
            assert!(gathered.is_whole(), "{total}");
        }
        // Nothing says how much is missing of an answer in no packets.
        let mut gathered = Gathered::default();
        assert!(gathered.packet([1; 12], 0) && !gathered.is_whole());
        assert!(gathered.packet([2; 12], 2) && gathered.is_whole());
    }

    #[test]
    fn an_answer_that_announces_no_packets_has_no_more_than_others() {
        let mut gathered = Gathered::default();
        let taken = (0..=u8::MAX).filter(|packet| gathered.packet([*packet; 12], 0)).count();
        assert_eq!((taken as u64, gathered.is_whole()), (MAX_PACKETS, false));
    }

    #[test]
    fn distances_are_checked() {
        let many = [7; MAX_DISTANCES + 1];
        for (distances, right) in
            [(&[0][..], true), (&[256], true), (&[], false), (&[257], false), (&many, false), (&many[1..], true)]
        {
            assert_eq!(check_distances(distances).is_ok(), right, "{distances:?}");
        }
    }
}
