//! The member and the store: being there, taking and giving parts, writing.

use std::time::Duration;

use ahash::HashMap;
use tracing::{info, warn};

use super::{Instant, Member, Part, State};
use crate::{
    broker::BrokerError,
    crawl::{
        metrics::{as_float, rounded},
        node::{Candidate, Entry, Node},
        store::{self, Further},
    },
    discv5::{NodeId, Record},
    platform::Result,
};

/// How long a member that says nothing counts as being there.
const LEASE: Duration = Duration::from_secs(10);
/// How often it says that it is.
const JOIN: Duration = Duration::from_secs(1);

impl Member<'_> {
    /// Writes, shares, and goes on to the next epoch if it is time. True once the last epoch is over.
    pub(super) async fn beat(&mut self) -> Result<bool> {
        if let Some(mirror) = &mut self.mirror {
            mirror.catch_up().await?;
        }
        match self.try_beat().await {
            Ok(is_over) => {
                self.is_cut_off = false;
                Ok(is_over)
            }
            Err(error) => {
                // What is not written waits; the crawl goes on as far as memory lets it.
                if !self.is_cut_off {
                    warn!(%error, "the crawl's store cannot be reached; will keep trying");
                }
                self.is_cut_off = true;
                Ok(false)
            }
        }
    }

    async fn try_beat(&mut self) -> std::result::Result<bool, BrokerError> {
        if self.joined.is_none_or(|joined| joined.elapsed() >= JOIN) {
            self.share().await?;
        }
        self.read_inboxes().await?;
        self.write(State::Busy).await?;
        self.advance().await
    }

    /// Says that it is there, and takes or gives parts.
    async fn share(&mut self) -> std::result::Result<(), BrokerError> {
        self.stand().await?;
        if self.standing.give > 0 {
            self.write(State::Busy).await?;
            self.giving = self.parts.keys().rev().take(self.standing.give).copied().collect();
            info!(parts = self.giving.len(), members = self.standing.members, "parts of the crawl go to others");
            self.parts.retain(|number, _| !self.giving.contains(number));
            self.stand().await?;
        }
        let held: HashMap<u8, u64> = self.standing.held.iter().copied().collect();
        let lost = self.parts.iter().filter(|(number, part)| held.get(number) != Some(&part.fence()));
        let lost = lost.map(|(number, _)| *number).collect();
        self.lose(lost);
        let parts = &self.parts;
        self.work.retain(|id| parts.contains_key(&store::part_of(*id)));
        self.doubted.retain(|(_, id), _| parts.contains_key(&store::part_of(*id)));
        if self.epoch == 0 {
            self.epoch = self.standing.epoch;
        }
        for (number, fence) in held {
            if !self.parts.contains_key(&number) {
                self.take(number, fence).await?;
            }
        }
        Ok(())
    }

    /// Says that it is there, and which parts it gives back, until that has been heard: a part that is taken again must
    /// be another claim, whose writes are counted anew.
    pub(super) async fn stand(&mut self) -> std::result::Result<(), BrokerError> {
        let figures = self.meter.figures(self.work.depth(), self.client.counters());
        let metrics = serde_json::to_string(&figures).unwrap_or_else(|_| "{}".into());
        let epochs = self.plan.root.is_none().then_some(self.plan.epochs);
        let member = store::Member { name: &self.name, root: &self.root, lease: LEASE, epochs };
        self.standing = self.store.join(&member, &metrics, &self.giving).await?;
        self.giving.clear();
        self.stood = Instant::now();
        self.joined = Some(self.stood);
        Ok(())
    }

    /// Takes a part: what is known of it, and what there is to do.
    async fn take(&mut self, number: u8, fence: u64) -> std::result::Result<(), BrokerError> {
        let mut entries = HashMap::default();
        let candidates: Vec<(NodeId, Candidate)> = self.store.entries("candidates", number).await?;
        entries.extend(candidates.into_iter().map(|(id, candidate)| (id, Entry::Candidate(candidate))));
        let nodes: Vec<(NodeId, Node)> = self.store.entries("nodes", number).await?;
        self.resumed += nodes.iter().filter(|(_, node)| node.answered >= self.epoch).count() as u64;
        entries.extend(nodes.into_iter().map(|(id, node)| (id, Entry::Live(Box::new(node)))));
        let tracked = self.store.states().await?.get(&number).copied().filter(|(_, state)| *state == State::Tracked);
        let tracked = tracked.map_or(0, |(epoch, _)| epoch);
        self.parts.insert(number, Part::new(number, fence, self.epoch, tracked, entries));
        if let Some(mirror) = &mut self.mirror {
            mirror.took(number);
        }
        self.begin(number);
        Ok(())
    }

    /// Takes in what the owners of other parts were told of nodes in ours.
    async fn read_inboxes(&mut self) -> std::result::Result<(), BrokerError> {
        let numbers: Vec<u8> = self.parts.keys().copied().collect();
        let read: Vec<usize> = self.parts.values().map(Part::read).collect();
        let letters = self.store.inboxes(numbers.iter().copied().zip(read)).await?;
        for (number, records) in numbers.into_iter().zip(letters) {
            if let Some(part) = self.parts.get_mut(&number) {
                part.add_read(records.len());
            }
            // They were verified by who wrote them, but a store is nothing to trust blindly.
            for record in records.iter().filter_map(|record| Record::decode(record).ok()) {
                self.hear(record, number);
            }
        }
        Ok(())
    }

    /// Writes what has changed: what was heard in all parts, then everything else, so that nobody counts as asked whose
    /// neighbours are known to nobody yet. A part that is another's by now is dropped.
    pub(super) async fn write(&mut self, state: State) -> std::result::Result<(), BrokerError> {
        // What an earlier call left goes first.
        self.flush().await?;
        loop {
            self.parts.values_mut().for_each(Part::prepare_heard);
            if self.flush().await? == 0 {
                break;
            }
        }
        self.parts.values_mut().for_each(|part| part.prepare(state));
        self.flush().await.map(drop)
    }

    /// Does the writes that are ready; returns how many parts turned out to be another's.
    async fn flush(&mut self) -> std::result::Result<usize, BrokerError> {
        let mut lost = Vec::new();
        for (number, part) in &mut self.parts {
            while let Some(batch) = part.write() {
                if !self.store.flush(batch).await? {
                    lost.push(*number);
                    break;
                }
                if let Some(mirror) = &mut self.mirror {
                    mirror.wrote(batch);
                }
                part.written();
            }
        }
        let count = lost.len();
        self.lose(lost);
        Ok(count)
    }

    /// Drops parts that another has taken over. What was heard of nodes in them and is not written, only we know: their
    /// owners are told.
    fn lose(&mut self, lost: Vec<u8>) {
        let mut heard = Vec::new();
        for number in lost {
            warn!(part = number, "another has taken over a part of the crawl");
            heard.extend(self.parts.remove(&number).iter().flat_map(Part::unwritten));
        }
        let Some(by) = self.parts.keys().next().copied() else { return };
        for record in heard {
            self.told.remove(&record.id());
            self.tell(&record, by);
        }
    }

    /// Ends the epoch, and begins the next, when it is time. True once the last one is over.
    async fn advance(&mut self) -> std::result::Result<bool, BrokerError> {
        let is_last = self.last > 0 && self.epoch >= self.last;
        let further = if is_last { Further::Unwanted } else { Further::Wanted };
        let (mut closed, mut epoch) = (self.standing.closed, self.standing.epoch);
        if closed < self.epoch {
            if self.is_idle() {
                self.write(State::Idle).await?;
            }
            let is_late =
                u128::from(self.now().at.saturating_sub(self.standing.started_at)) >= 2 * self.plan.epoch.as_millis();
            if self.is_idle() || is_late {
                (closed, epoch) = self.store.close(self.epoch, self.plan.epoch, further).await?;
            }
        } else if epoch == self.epoch {
            (closed, epoch) = self.store.close(self.epoch, self.plan.epoch, further).await?;
        }
        if closed >= self.epoch {
            self.track();
            self.write(State::Tracked).await?;
        }
        self.tell_epoch(closed).await?;
        if is_last && closed >= self.epoch {
            return self.is_tracked_everywhere(self.epoch).await;
        }
        if epoch > self.epoch {
            self.stand().await?;
            self.epoch = self.standing.epoch;
            self.done = 0;
            // Owners forget whom nobody names; and what was told may have been lost on the way.
            if self.told_since.elapsed() >= self.plan.forget / 4 {
                (self.told, self.told_since) = (HashMap::default(), Instant::now());
            }
            let numbers: Vec<u8> = self.parts.keys().copied().collect();
            for number in numbers {
                self.begin(number);
            }
        }
        (self.standing.closed, self.standing.epoch) =
            (closed.max(self.standing.closed), epoch.max(self.standing.epoch));
        Ok(false)
    }

    /// Whoever has the first part says what was counted in an epoch, when it has been counted in every part. Who takes
    /// that part says it once more, which changes nothing.
    async fn tell_epoch(&mut self, closed: u64) -> std::result::Result<(), BrokerError> {
        let is_new = closed > self.said_of && closed >= self.standing.began;
        if !is_new || !self.parts.contains_key(&0) || !self.is_tracked_everywhere(closed).await? {
            return Ok(());
        }
        for counts in self.store.epochs(std::iter::once(closed)).await? {
            self.job.metadata("epoch", serde_json::to_value(&counts).unwrap_or_default()).await;
        }
        if let Some(mirror) = &mut self.mirror {
            mirror.closed(closed);
        }
        self.said_of = closed;
        Ok(())
    }

    async fn is_tracked_everywhere(&self, wanted: u64) -> std::result::Result<bool, BrokerError> {
        let states = self.store.states().await?;
        let is_tracked =
            |(epoch, state): &(u64, State)| *epoch > wanted || (*epoch == wanted && *state == State::Tracked);
        Ok(states.len() == usize::from(store::PARTS) && states.values().all(is_tracked))
    }

    /// Waits until the mirror has everything.
    pub(in crate::crawl) async fn finish_mirror(&mut self) -> Result<()> {
        match self.mirror.take() {
            Some(mirror) => mirror.finish().await,
            None => Ok(()),
        }
    }

    /// Writes what can be written, and leaves.
    pub(in crate::crawl) async fn leave(&mut self) {
        if let Err(error) = self.write(State::Busy).await {
            warn!(%error, "what was found last is not written");
        }
        if let Err(error) = self.store.leave(&self.name).await {
            warn!(%error, "the crawl was left without a word");
        }
    }

    /// Says how far it is.
    pub(super) async fn say(&self) {
        let (mut live, mut candidates) = (0_u64, 0_u64);
        for (_, entry) in self.parts.values().flat_map(Part::entries) {
            match entry {
                Entry::Live(_) => live += 1,
                Entry::Candidate(_) => candidates += 1,
            }
        }
        let left = (self.flights.len() + self.work.len()) as u64;
        let message = format!("epoch {}: {live} nodes, {candidates} candidates, {left} questions left", self.epoch);
        // The last step is writing; a crawl without end has no fraction.
        let fraction =
            if self.last == 0 { 0.0 } else { rounded(as_float(self.done) / as_float((self.done + left).max(1))) };
        self.job.progress(fraction * 0.99, message).await;
    }
}
