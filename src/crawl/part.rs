//! One part of the id space in the hands of its owner: what is known of its nodes, and what of that is not written yet.

use std::collections::{BTreeMap, VecDeque};

use ahash::{HashMap, HashSet};
use tracing::error;

use super::{
    node::Entry,
    store::{Batch, Change, State},
};
use crate::discv5::NodeId;

/// Changes in one write: Redis shall answer others in between.
const PIECE: usize = 100;

/// One part.
#[derive(Debug)]
pub(super) struct Part {
    number: u8,
    fence: u64,
    /// The epoch that is counted.
    pub(super) epoch: u64,
    entries: HashMap<NodeId, Entry>,
    /// Whose entry has to be written.
    changed: HashSet<NodeId>,
    /// What else has to be written.
    changes: Vec<Change>,
    counts: BTreeMap<&'static str, u64>,
    /// Records of the inbox that are dealt with.
    read: usize,
    /// Writes that are ready and not confirmed; they go in this order, and each counts once however often it is sent.
    writes: VecDeque<Batch>,
    prepared: u64,
    /// What others know of how far we are.
    said: Option<(u64, State)>,
    /// The last epoch whose end was counted.
    pub(super) tracked: u64,
}

impl Part {
    pub(super) fn new(number: u8, fence: u64, epoch: u64, tracked: u64, entries: HashMap<NodeId, Entry>) -> Self {
        Self {
            number,
            fence,
            epoch,
            entries,
            changed: HashSet::default(),
            changes: Vec::new(),
            counts: BTreeMap::new(),
            read: 0,
            writes: VecDeque::new(),
            prepared: 0,
            said: None,
            tracked,
        }
    }

    /// Under which claim it is held.
    pub(super) fn fence(&self) -> u64 {
        self.fence
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// An entry that is going to be changed.
    pub(super) fn change(&mut self, id: NodeId) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&id)?;
        self.changed.insert(id);
        Some(entry)
    }

    /// An entry, for a change that need not be written by itself.
    pub(super) fn touch(&mut self, id: NodeId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: NodeId, entry: Entry) {
        self.entries.insert(id, entry);
        self.changed.insert(id);
    }

    /// Forgets a candidate.
    pub(super) fn forget(&mut self, id: NodeId) {
        self.entries.remove(&id);
        self.changed.remove(&id);
        self.changes.push(Change::Forget(id));
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (NodeId, &Entry)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.entries.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn also(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Counts something that happened in the epoch.
    pub(super) fn count(&mut self, name: &'static str, n: u64) {
        if n > 0 {
            *self.counts.entry(name).or_default() += n;
        }
    }

    /// So many records of its inbox are dealt with, and not written as such yet.
    pub(super) fn read(&self) -> usize {
        self.read + self.writes.iter().map(|write| write.read).sum::<usize>()
    }

    pub(super) fn add_read(&mut self, records: usize) {
        self.read += records;
    }

    /// Changes that are not written yet.
    pub(super) fn backlog(&self) -> usize {
        self.changed.len() + self.changes.len() + self.writes.len() * PIECE
    }

    /// Prepares everything that has changed to be written, in pieces; `state` is true once the last of them is.
    pub(super) fn prepare(&mut self, state: State) {
        let mut changes = std::mem::take(&mut self.changes);
        for id in self.changed.drain() {
            let Some(entry) = self.entries.get(&id) else { continue };
            let (json, live) = match entry {
                Entry::Live(node) => (serde_json::to_string(node), true),
                Entry::Candidate(candidate) => (serde_json::to_string(candidate), false),
            };
            match json {
                Ok(json) if live => changes.push(Change::Node(id, json)),
                Ok(json) => changes.push(Change::Candidate(id, json)),
                Err(error) => error!(node = %id, %error, "a node cannot be written"),
            }
        }
        changes.extend(std::mem::take(&mut self.counts).into_iter().map(|(name, n)| Change::Count(name, n)));
        // What is over stays over, whoever takes the part next.
        let state = (self.epoch, if self.tracked >= self.epoch { State::Tracked } else { state });
        if changes.is_empty() && self.read == 0 && self.said == Some(state) {
            return;
        }
        self.said = Some(state);
        let mut rest = changes.into_iter().peekable();
        loop {
            let changes: Vec<Change> = rest.by_ref().take(PIECE).collect();
            let is_last = rest.peek().is_none();
            self.prepared += 1;
            self.writes.push_back(Batch {
                part: self.number,
                fence: self.fence,
                number: self.prepared,
                epoch: self.epoch,
                state: if is_last { state.1 } else { State::Busy },
                read: if is_last { std::mem::take(&mut self.read) } else { 0 },
                changes,
            });
            if is_last {
                return;
            }
        }
    }

    /// The next write.
    pub(super) fn write(&self) -> Option<&Batch> {
        self.writes.front()
    }

    /// It is done.
    pub(super) fn written(&mut self) {
        self.writes.pop_front();
    }
}
