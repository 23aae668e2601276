//! Who is in a session with whom, and who was asked for a handshake. Bounded: the least recently used goes.

use std::{net::SocketAddr, time::Duration};

use hashlink::LruCache;

use crate::discv5::{NodeId, packet::Challenge, session::Keys};

/// How long a challenge may be answered; until then it is repeated, as clients do.
const PATIENCE: Duration = Duration::from_secs(1);
/// Sessions there may be for each node of the network.
const PER_NODE: usize = 4;

/// A node of ours, and somebody at an address: two that may be in a session.
pub(super) type Pair = (u32, SocketAddr, NodeId);

/// A WHOAREYOU that was sent.
#[derive(Debug)]
pub(super) struct Challenged {
    /// What the answer must sign.
    pub(super) challenge: Challenge,
    /// The datagram, to be sent again.
    pub(super) datagram: Vec<u8>,
    /// When it was sent first, since the start of the network.
    pub(super) since: Duration,
}

/// All sessions of all nodes.
#[derive(Debug)]
pub(super) struct Sessions {
    open: LruCache<Pair, Keys>,
    challenged: LruCache<Pair, Challenged>,
}

impl Sessions {
    pub(super) fn new(nodes: usize) -> Self {
        let capacity = (nodes * PER_NODE).max(1024);
        Self { open: LruCache::new(capacity), challenged: LruCache::new(capacity) }
    }

    pub(super) fn keys(&mut self, pair: &Pair) -> Option<Keys> {
        self.open.get(pair).copied()
    }

    pub(super) fn open(&mut self, pair: Pair, keys: Keys) {
        self.open.insert(pair, keys);
    }

    /// A challenge that may still be answered.
    pub(super) fn challenged(&mut self, now: Duration, pair: &Pair) -> Option<&Challenged> {
        self.challenged.peek(pair).filter(|challenged| now < challenged.since + PATIENCE)
    }

    pub(super) fn challenge(&mut self, pair: Pair, challenged: Challenged) {
        self.challenged.insert(pair, challenged);
    }

    pub(super) fn answered(&mut self, pair: &Pair) {
        self.challenged.remove(pair);
    }

    /// Ends everything of some nodes, as a restart does.
    pub(super) fn forget(&mut self, is_restarted: impl Fn(u32) -> bool) {
        self.open.retain(|pair, _| !is_restarted(pair.0));
        self.challenged.retain(|pair, _| !is_restarted(pair.0));
    }
}
