//! Who is known, who was asked, and who is to be asked next.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    net::Ipv4Addr,
};

use discv5::Enr;
use enr::NodeId;

use super::address::Reach;

/// How often an unreachable node is asked again because somebody told of a newer record with another address. A node's
/// key can sign any number of them.
const MAX_MOVES: u8 = 2;

/// How many waiting nodes are looked at for one whose address is not being asked already.
const LOOK_AHEAD: usize = 256;

/// What is known of one node.
#[derive(Debug)]
pub(super) struct Known {
    /// Its newest record.
    pub(super) record: Enr,
    /// What became of asking it.
    pub(super) state: State,
    /// How often it is asked again because it moved.
    pub(super) moves: u8,
}

/// What became of asking a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It will be asked.
    Waiting,
    /// It is being asked.
    Asking(Ipv4Addr),
    /// It answered.
    Reachable,
    /// It did not answer.
    Unreachable,
    /// Its record names no address that may be contacted.
    Refused,
}

/// How many nodes there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// All.
    pub(super) known: u64,
    /// Asked to the end.
    pub(super) asked: u64,
    /// Answered.
    pub(super) reachable: u64,
    /// Did not answer.
    pub(super) unreachable: u64,
    /// Never contacted because of their address.
    pub(super) refused: u64,
}

/// All nodes of a crawl.
#[derive(Debug)]
pub(super) struct Frontier {
    reach: Reach,
    max_nodes: usize,
    nodes: HashMap<NodeId, Known>,
    waiting: VecDeque<NodeId>,
    /// Addresses being asked now. In public one at a time each: clients ban an address, not a node, for asking much.
    busy: HashSet<Ipv4Addr>,
    /// Nodes heard of beyond `max_nodes`; not who they are, as that would be without bound.
    overflowed: bool,
}

impl Frontier {
    /// Nobody is known yet.
    pub(super) fn new(reach: Reach, max_nodes: usize) -> Self {
        Self {
            reach,
            max_nodes,
            nodes: HashMap::new(),
            waiting: VecDeque::new(),
            busy: HashSet::new(),
            overflowed: false,
        }
    }

    /// A node of an earlier run, with what became of asking it if it was.
    pub(super) fn know(&mut self, record: Enr, state: Option<State>, moves: u8) {
        let id = record.node_id();
        self.hear(record);
        if let Some(known) = self.nodes.get_mut(&id) {
            known.moves = moves;
            known.state = state.unwrap_or(known.state);
            if known.state != State::Waiting && self.waiting.back() == Some(&id) {
                self.waiting.pop_back();
            }
        }
    }

    /// Whether an earlier run heard of more nodes than are followed.
    pub(super) fn overflow(&mut self, earlier: bool) {
        self.overflowed |= earlier;
    }

    /// Somebody told of a node.
    pub(super) fn hear(&mut self, record: Enr) {
        let id = record.node_id();
        let full = self.nodes.len() >= self.max_nodes;
        let state = state_of(self.reach, &record);
        match self.nodes.entry(id) {
            Entry::Vacant(_) if full => self.overflowed = true,
            Entry::Vacant(vacant) => {
                vacant.insert(Known { record, state, moves: 0 });
                if state == State::Waiting {
                    self.waiting.push_back(id);
                }
            }
            Entry::Occupied(mut occupied) => {
                let known = occupied.get_mut();
                if record.seq() <= known.record.seq() {
                    return;
                }
                let moved = record.udp4_socket() != known.record.udp4_socket();
                known.record = record;
                let lost = matches!(known.state, State::Unreachable | State::Refused);
                if moved && lost && known.moves < MAX_MOVES && state == State::Waiting {
                    known.moves += 1;
                    known.state = State::Waiting;
                    self.waiting.push_back(id);
                }
            }
        }
    }

    /// The next node to ask, if one may be asked now.
    pub(super) fn next(&mut self) -> Option<Enr> {
        for _ in 0..self.waiting.len().min(LOOK_AHEAD) {
            let id = self.waiting.pop_front()?;
            let Some(known) = self.nodes.get_mut(&id) else { continue };
            // Its record may have changed since it was put here.
            let Some(address) = known.record.udp4_socket().filter(|address| self.reach.allows(*address)) else {
                known.state = State::Refused;
                continue;
            };
            let ip = *address.ip();
            if self.reach == Reach::Public && self.busy.contains(&ip) {
                self.waiting.push_back(id);
                continue;
            }
            self.busy.insert(ip);
            known.state = State::Asking(ip);
            return Some(known.record.clone());
        }
        None
    }

    /// A node answered, with its own record if that could be read. True if the record is newer than what was known.
    pub(super) fn answered(&mut self, id: &NodeId, own: Option<Enr>) -> bool {
        let Some(known) = self.finish(id, State::Reachable) else { return false };
        match own {
            Some(own) if own.node_id() == *id && own.seq() > known.record.seq() => {
                known.record = own;
                true
            }
            _ => false,
        }
    }

    /// A node did not answer.
    pub(super) fn unanswered(&mut self, id: &NodeId) {
        self.finish(id, State::Unreachable);
    }

    fn finish(&mut self, id: &NodeId, state: State) -> Option<&mut Known> {
        let known = self.nodes.get_mut(id)?;
        if let State::Asking(ip) = known.state {
            self.busy.remove(&ip);
        }
        known.state = state;
        Some(known)
    }

    /// The newest record of a node.
    pub(super) fn record(&self, id: &NodeId) -> Option<&Enr> {
        self.nodes.get(id).map(|known| &known.record)
    }

    /// Everybody.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Known> {
        self.nodes.values()
    }

    /// Whether there were more nodes than are followed.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whether nobody is left to be asked.
    pub(super) fn exhausted(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many nodes there are of each kind.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for known in self.nodes.values() {
            counts.known += 1;
            match known.state {
                State::Waiting | State::Asking(_) => continue,
                State::Reachable => counts.reachable += 1,
                State::Unreachable => counts.unreachable += 1,
                State::Refused => counts.refused += 1,
            }
            counts.asked += 1;
        }
        counts
    }
}

fn state_of(reach: Reach, record: &Enr) -> State {
    match record.udp4_socket() {
        Some(address) if reach.allows(address) => State::Waiting,
        _ => State::Refused,
    }
}
