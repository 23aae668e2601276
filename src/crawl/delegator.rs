//! The work delegator: which node is asked what, and when. It hands out work that is due, never two items to one
//! address of the public network at a time, and never the same item twice.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    net::IpAddr,
};

use ahash::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use crate::discv5::NodeId;

/// What a node is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Whether it is there, and the number of its record.
    Ping,
    /// Its own newest record.
    Record,
    /// All neighbours that it will tell.
    Neighbours,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Ping, Self::Record, Self::Neighbours];
}

/// One piece of work.
pub(super) type Item = (Kind, NodeId);

/// All work there is.
#[derive(Debug, Default)]
pub(super) struct Delegator {
    /// By when it is due, then by when it was put here.
    waiting: BinaryHeap<Reverse<(u64, u64, Item)>>,
    /// Due, but somebody at the same address is being asked.
    behind: HashMap<IpAddr, VecDeque<Item>>,
    /// Waiting or being done.
    known: HashSet<Item>,
    busy: HashSet<IpAddr>,
    put: u64,
    depth: Depth,
}

/// Items that wait, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Depth([usize; 3]);

impl Depth {
    pub(super) fn of(self, kind: Kind) -> usize {
        let Self([ping, record, neighbours]) = self;
        match kind {
            Kind::Ping => ping,
            Kind::Record => record,
            Kind::Neighbours => neighbours,
        }
    }

    fn slot(&mut self, kind: Kind) -> &mut usize {
        let Self([ping, record, neighbours]) = self;
        match kind {
            Kind::Ping => ping,
            Kind::Record => record,
            Kind::Neighbours => neighbours,
        }
    }
}

impl Delegator {
    /// Puts work here, to be done from `due` on (ms), unless it is here already.
    pub(super) fn put(&mut self, item: Item, due: u64) {
        if self.known.insert(item) {
            self.put += 1;
            *self.depth.slot(item.0) += 1;
            self.waiting.push(Reverse((due, self.put, item)));
        }
    }

    /// The next item that is due. `address` says where its node is to be asked, if addresses are asked one at a time;
    /// that address is taken until the item is done.
    pub(super) fn next(&mut self, now: u64, address: impl Fn(&NodeId) -> Option<IpAddr>) -> Option<Item> {
        while let Some(Reverse((due, _, item))) = self.waiting.peek().copied() {
            if due > now {
                return None;
            }
            self.waiting.pop();
            match address(&item.1) {
                Some(ip) if !self.busy.insert(ip) => self.behind.entry(ip).or_default().push_back(item),
                _ => {
                    *self.depth.slot(item.0) -= 1;
                    return Some(item);
                }
            }
        }
        None
    }

    /// An item is done, and its address free for the next.
    pub(super) fn done(&mut self, item: Item, address: Option<IpAddr>) {
        self.known.remove(&item);
        let Some(ip) = address else { return };
        self.busy.remove(&ip);
        if let Some(behind) = self.behind.get_mut(&ip) {
            if let Some(item) = behind.pop_front() {
                self.put += 1;
                // It has waited long enough.
                self.waiting.push(Reverse((0, self.put, item)));
            }
            if behind.is_empty() {
                self.behind.remove(&ip);
            }
        }
    }

    /// Forgets what waits for nodes that are not ours any more.
    pub(super) fn retain(&mut self, is_ours: impl Fn(&NodeId) -> bool) {
        let (known, depth) = (&mut self.known, &mut self.depth);
        let mut keep = |item: &Item| {
            let stays = is_ours(&item.1);
            if !stays {
                known.remove(item);
                *depth.slot(item.0) -= 1;
            }
            stays
        };
        self.waiting.retain(|Reverse((_, _, item))| keep(item));
        self.behind.values_mut().for_each(|items| items.retain(&mut keep));
        self.behind.retain(|_, items| !items.is_empty());
    }

    /// When the next item is due; `None` if none waits for its time.
    pub(super) fn due(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse((due, _, _))| *due)
    }

    /// Items that wait, by kind.
    pub(super) fn depth(&self) -> Depth {
        self.depth
    }

    /// Items that wait.
    pub(super) fn len(&self) -> usize {
        let Depth(depth) = self.depth;
        depth.iter().sum()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.behind.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    #[test]
    fn work_is_handed_out_once_and_in_its_time() {
        let mut work = Delegator::default();
        work.put((Kind::Ping, node(1)), 20);
        work.put((Kind::Record, node(2)), 10);
        work.put((Kind::Record, node(2)), 5);
        assert_eq!((work.depth().of(Kind::Record), work.due()), (1, Some(10)));
        assert_eq!(work.next(9, |_| None), None);
        assert_eq!(work.next(20, |_| None), Some((Kind::Record, node(2))));
        assert_eq!(work.next(20, |_| None), Some((Kind::Ping, node(1))));
        // It is being done: putting it here again changes nothing until it is.
        work.put((Kind::Ping, node(1)), 0);
        assert_eq!(work.next(20, |_| None), None);
        work.done((Kind::Ping, node(1)), None);
        work.put((Kind::Ping, node(1)), 0);
        assert_eq!(work.next(20, |_| None), Some((Kind::Ping, node(1))));
        assert!(work.is_empty());
    }

    #[test]
    fn one_address_is_asked_once_at_a_time() {
        let ip = Some(IpAddr::from([8, 8, 8, 8]));
        let mut work = Delegator::default();
        for n in 1..=3 {
            work.put((Kind::Ping, node(n)), 0);
        }
        assert_eq!(work.next(0, |_| ip), Some((Kind::Ping, node(1))));
        assert_eq!(work.next(0, |_| ip), None);
        assert_eq!(work.depth().of(Kind::Ping), 2);
        work.done((Kind::Ping, node(1)), ip);
        assert_eq!(work.next(0, |_| ip), Some((Kind::Ping, node(2))));
        work.retain(|id| *id != node(3));
        work.done((Kind::Ping, node(2)), ip);
        assert!(work.next(0, |_| ip).is_none() && work.is_empty());
        assert_eq!(work.depth(), Depth::default());
    }
}
