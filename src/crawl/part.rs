//! One part of the id space in the hands of its owner: what is known of its nodes, and what of that is not written yet.
//!
//! What concerns one node is never spread over two writes, so that a count is written with what was counted; and what a
//! node told is written before it counts as asked. So whoever takes over after a crash does again exactly what is missing.

use std::collections::{BTreeMap, VecDeque};

use ahash::{HashMap, HashSet};
use tracing::error;

use super::{
    node::Entry,
    store::{Batch, Change, State},
};
use crate::discv5::{NodeId, Record};

/// Changes in one write, give or take those of one node: Redis shall answer others in between.
const PIECE: usize = 100;

/// One part.
#[derive(Debug)]
pub(super) struct Part {
    number: u8,
    fence: u64,
    /// The epoch that is counted.
    pub(super) epoch: u64,
    entries: HashMap<NodeId, Entry>,
    /// Whose entry has to be written, and what with it.
    changed: HashMap<NodeId, Vec<Change>>,
    /// What its nodes told of nodes in others' parts.
    words: Vec<Change>,
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
            changed: HashMap::default(),
            words: Vec::new(),
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
        self.changed.entry(id).or_default();
        Some(entry)
    }

    /// An entry, for a change that need not be written by itself.
    pub(super) fn touch(&mut self, id: NodeId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: NodeId, entry: Entry) {
        self.entries.insert(id, entry);
        self.changed.entry(id).or_default();
    }

    /// Forgets a candidate.
    pub(super) fn forget(&mut self, id: NodeId) {
        self.entries.remove(&id);
        self.also(id, Change::Forget(id));
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

    /// Something that is written together with a node's entry.
    pub(super) fn also(&mut self, id: NodeId, change: Change) {
        self.changed.entry(id).or_default().push(change);
    }

    /// Something for the owner of another part.
    pub(super) fn tell(&mut self, part: u8, record: &Record) {
        self.words.push(Change::Tell(part, record.rlp().to_vec()));
    }

    /// Counts something that happened to a node in the epoch, once its entry is written.
    pub(super) fn count_of(&mut self, id: NodeId, name: &'static str, n: u64) {
        if n > 0 {
            self.also(id, Change::Count(name, n));
        }
    }

    /// Counts something that happened in the epoch and changed nothing.
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

    /// Changes that are not written yet, more or less.
    pub(super) fn backlog(&self) -> usize {
        self.changed.len() + self.words.len() + self.writes.len() * PIECE
    }

    /// What was heard of candidates and is not written yet.
    pub(super) fn unwritten(&self) -> Vec<Record> {
        let in_writes = self.writes.iter().flat_map(|write| &write.changes).filter_map(|change| match change {
            Change::Candidate(id, _) => Some(id),
            _ => None,
        });
        let ids: HashSet<&NodeId> = self.changed.keys().chain(in_writes).collect();
        let heard = ids.into_iter().filter_map(|id| self.entries.get(id)).filter(|entry| entry.live().is_none());
        heard.map(|entry| entry.best().clone()).collect()
    }

    /// Prepares what was only heard to be written: it must be there before those who told of it count as asked.
    pub(super) fn prepare_heard(&mut self) {
        let heard = |id: &&NodeId| self.entries.get(*id).is_some_and(|entry| entry.live().is_none());
        let ids: Vec<NodeId> = self.changed.keys().filter(heard).copied().collect();
        let mut groups: Vec<Vec<Change>> = std::mem::take(&mut self.words).into_iter().map(|word| vec![word]).collect();
        groups.extend(ids.into_iter().map(|id| self.group(id)));
        if !groups.is_empty() {
            let state = self.state(State::Busy);
            self.push(groups, state, 0);
        }
    }

    /// Prepares everything else that has changed; `state` is true once the last of these writes is done.
    pub(super) fn prepare(&mut self, state: State) {
        let ids: Vec<NodeId> = self.changed.keys().copied().collect();
        let mut groups: Vec<Vec<Change>> = ids.into_iter().map(|id| self.group(id)).collect();
        let counts: Vec<Change> =
            std::mem::take(&mut self.counts).into_iter().map(|(name, n)| Change::Count(name, n)).collect();
        let state = self.state(state);
        if groups.is_empty() && counts.is_empty() && self.read == 0 && self.said == Some((self.epoch, state)) {
            return;
        }
        groups.push(counts);
        let read = std::mem::take(&mut self.read);
        self.push(groups, state, read);
    }

    /// What is over stays over, whoever takes the part next.
    fn state(&self, state: State) -> State {
        if self.tracked >= self.epoch { State::Tracked } else { state }
    }

    /// Everything that has to be written of one node.
    fn group(&mut self, id: NodeId) -> Vec<Change> {
        let mut group = self.changed.remove(&id).unwrap_or_default();
        let json = match self.entries.get(&id) {
            Some(Entry::Live(node)) => serde_json::to_string(node).map(|json| Change::Node(id, json)),
            Some(Entry::Candidate(candidate)) => {
                serde_json::to_string(candidate).map(|json| Change::Candidate(id, json))
            }
            None => return group,
        };
        match json {
            Ok(change) => group.push(change),
            Err(error) => error!(node = %id, %error, "a node cannot be written"),
        }
        group
    }

    /// Makes writes of these groups, none of which is torn; the last of them says how far we are.
    fn push(&mut self, groups: Vec<Vec<Change>>, state: State, read: usize) {
        self.said = Some((self.epoch, state));
        let mut pieces: Vec<Vec<Change>> = Vec::new();
        for group in groups {
            match pieces.last_mut() {
                Some(piece) if piece.len() < PIECE => piece.extend(group),
                _ => pieces.push(group),
            }
        }
        let last = pieces.len();
        for (index, changes) in (1..).zip(pieces) {
            let is_last = index == last;
            self.prepared += 1;
            self.writes.push_back(Batch {
                part: self.number,
                fence: self.fence,
                number: self.prepared,
                epoch: self.epoch,
                state: if is_last { state } else { self.state(State::Busy) },
                read: if is_last { read } else { 0 },
                changes: added_up(changes),
            });
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

/// The same changes, those of one count as one.
fn added_up(changes: Vec<Change>) -> Vec<Change> {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut all = Vec::with_capacity(changes.len());
    for change in changes {
        match change {
            Change::Count(name, n) => *counts.entry(name).or_default() += n,
            other => all.push(other),
        }
    }
    all.extend(counts.into_iter().map(|(name, n)| Change::Count(name, n)));
    all
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
