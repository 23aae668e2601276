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
    /// Addresses that have become free since; who waits behind them may go.
    freed: Vec<IpAddr>,
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
        while let Some(ip) = self.freed.last().copied() {
            let Some(item) = self.pop_behind(ip) else {
                self.freed.pop();
                continue;
            };
            // Its node may have moved meanwhile: then the address stays free, for the next who waits behind it.
            if let Some(item) = self.go(item, address(&item.1)) {
                return Some(item);
            }
        }
        while let Some(Reverse((due, _, item))) = self.waiting.peek().copied() {
            if due > now {
                return None;
            }
            self.waiting.pop();
            if let Some(item) = self.go(item, address(&item.1)) {
                return Some(item);
            }
        }
        None
    }

    /// Hands an item out and takes its address; or puts it behind whoever has that.
    fn go(&mut self, item: Item, address: Option<IpAddr>) -> Option<Item> {
        if let Some(ip) = address
            && !self.busy.insert(ip)
        {
            self.behind.entry(ip).or_default().push_back(item);
            return None;
        }
        *self.depth.slot(item.0) -= 1;
        Some(item)
    }

    /// The first who waits behind an address that is free.
    fn pop_behind(&mut self, ip: IpAddr) -> Option<Item> {
        if self.busy.contains(&ip) {
            return None;
        }
        let behind = self.behind.get_mut(&ip)?;
        let item = behind.pop_front();
        if behind.is_empty() {
            self.behind.remove(&ip);
        }
        item
    }

    /// An item is done, and its address free for the next.
    pub(super) fn done(&mut self, item: Item, address: Option<IpAddr>) {
        self.known.remove(&item);
        let Some(ip) = address else { return };
        self.busy.remove(&ip);
        if self.behind.contains_key(&ip) {
            self.freed.push(ip);
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

    #[test]
    fn who_moves_away_does_not_keep_the_others_waiting() {
        let (here, there) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from([9, 9, 9, 9]));
        let mut work = Delegator::default();
        for n in 1..=4 {
            work.put((Kind::Ping, node(n)), 0);
        }
        assert_eq!(work.next(0, |_| Some(here)), Some((Kind::Ping, node(1))));
        assert_eq!(work.next(0, |_| Some(here)), None);
        work.done((Kind::Ping, node(1)), Some(here));
        // The second is elsewhere by now, the third nowhere: the fourth has its turn all the same.
        let moved = |id: &NodeId| match id.0 {
            [2, ..] => Some(there),
            [3, ..] => None,
            _ => Some(here),
        };
        let handed: Vec<Item> = std::iter::from_fn(|| work.next(0, moved)).collect();
        assert_eq!(handed, [2, 3, 4].map(|n| (Kind::Ping, node(n))));
        assert!(work.is_empty());
        assert_eq!(work.depth(), Depth::default());
    }

    #[test]
    fn an_address_is_freed_for_whoever_is_still_ours() {
        let ip = Some(IpAddr::from([8, 8, 8, 8]));
        let mut work = Delegator::default();
        for n in 1..=3 {
            work.put((Kind::Ping, node(n)), 0);
        }
        assert_eq!(work.next(0, |_| ip), Some((Kind::Ping, node(1))));
        assert_eq!(work.next(0, |_| ip), None);
        work.done((Kind::Ping, node(1)), ip);
        work.retain(|id| *id != node(2));
        assert_eq!(work.next(0, |_| ip), Some((Kind::Ping, node(3))));
        assert!(work.is_empty());
    }
}
