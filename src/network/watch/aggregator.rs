//! The one who writes the Network, or who would if the one who does left.

use std::{collections::BTreeSet, future::pending, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::{known::Known, writer::Writer};
use crate::{
    broker::BrokerError,
    network::{
        merge::Merged,
        store::{Checked, Held, Revision, Store, Token},
    },
};

/// How long who says nothing keeps the right to write.
const LEASE: Duration = Duration::from_secs(10);
/// Of how many parts of the time one goes into merging, at most.
const SHARE: u32 = 3;
/// The least time between two merges: what comes in between is told together.
pub(super) const GAP: Duration = Duration::from_millis(20);
/// How long it may take to write the Network when the job ends.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is known of the Network.
#[derive(Debug)]
pub(super) struct Aggregator {
    store: Store,
    owner: String,
    /// The right to write, and what is written, while this is the one.
    reign: Option<Reign>,
    /// Redis' clock, and when it was read.
    clock: (u64, Instant),
    /// What all nodes say, and what was told of it.
    merged: Merged,
    /// Ids of the nodes that others poll.
    foreign: BTreeSet<String>,
    /// Whether a merge may bring anything new.
    is_due: bool,
    /// When the next merge may be.
    next: Instant,
    checked: Checked,
    pub(super) saves: u64,
    pub(super) merges: u64,
}

#[derive(Debug)]
struct Reign {
    token: Token,
    /// The revision that was told last.
    told: Revision,
    /// The revision that `merged` goes on from: an earlier one, if whoever told the last could not write it.
    since: u64,
    writer: Writer,
}

impl Reign {
    /// Whether what was told last is what was merged last.
    fn is_even(&self) -> bool {
        self.since == self.told.number
    }

    /// When the Network is to be written, unless it is.
    fn due(&self) -> Option<Instant> {
        self.writer.due(self.told.number).filter(|_| self.is_even())
    }
}

impl Aggregator {
    pub(super) fn new(store: Store, owner: String) -> Self {
        let now = Instant::now();
        Self {
            store,
            owner,
            reign: None,
            clock: (0, now),
            merged: Merged::default(),
            foreign: BTreeSet::new(),
            is_due: false,
            next: now,
            checked: Checked::No,
            saves: 0,
            merges: 0,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Redis' clock, in ms since 1970.
    pub(super) fn now(&self) -> u64 {
        self.clock.0 + u64::try_from(self.clock.1.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Peers in the Network as it was told last, as far as this is the one who tells it.
    pub(super) fn peers(&self) -> usize {
        self.reign.as_ref().map_or(0, |_| self.merged.peers())
    }

    /// Whether this is the one who writes.
    pub(super) fn reigns(&self) -> bool {
        self.reign.is_some()
    }

    /// Takes the right to write if it is free, or keeps it, and reads what others polled. Once a second.
    pub(super) async fn beat(&mut self, known: &Known) -> Result<(), BrokerError> {
        let read = Instant::now();
        // While a merge is due, nobody knows whether the Network is right.
        let is_behind = self.reign.as_ref().is_some_and(|reign| reign.writer.is_behind(reign.told.number));
        let checked = if self.is_due || is_behind { Checked::No } else { self.checked };
        let held = self.store.hold(&self.owner, LEASE, checked).await?;
        self.clock = (held.now, read);
        self.checked = Checked::No;
        let Some(token) = &held.token else {
            if self.reign.take().is_some() {
                warn!(prefix = %self.store.prefix(), "another aggregates the network now");
            }
            return Ok(());
        };
        let is_as_known = self.reign.as_ref().is_some_and(|reign| {
            reign.token == *token && reign.told.number == held.told && reign.writer.may_be_at(held.revision)
        });
        if !is_as_known {
            self.ascend(token.clone(), &held).await?;
        }
        self.read_foreign(known).await
    }

    /// Reads what the one before has written.
    async fn ascend(&mut self, token: Token, held: &Held) -> Result<(), BrokerError> {
        // What cannot be read is replaced.
        let (told, since, reporters) = self.store.resume().await?.unwrap_or_default();
        debug!(prefix = %self.store.prefix(), since, told = held.told, "this job aggregates the network");
        self.merged.resume(told, reporters);
        let told = Revision { number: held.told, at: held.now };
        self.reign = Some(Reign { token, told, since, writer: Writer::new(held.revision) });
        self.is_due = true;
        Ok(())
    }

    async fn read_foreign(&mut self, known: &Known) -> Result<(), BrokerError> {
        let own: BTreeSet<&str> = known.holding().map(|node| node.id.as_str()).collect();
        let ids = self.store.node_ids(self.now()).await?;
        let foreign: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !own.contains(id)).collect();
        if foreign.is_empty() && self.foreign.is_empty() {
            return Ok(());
        }
        let nodes = self.store.nodes(&foreign).await?;
        let now: BTreeSet<String> = nodes.iter().map(|node| node.id.clone()).collect();
        for id in self.foreign.iter().filter(|id| !now.contains(*id) && !own.contains(id.as_str())) {
            self.is_due |= self.merged.remove(id);
        }
        for node in nodes {
            self.is_due |= self.merged.put(Arc::new(node));
        }
        self.foreign = now;
        Ok(())
    }

    /// A node of this job may say something else than before, or nothing that holds.
    pub(super) fn hear(&mut self, known: &Known, id: &str) {
        self.is_due |= match known.word(id) {
            Some(node) => self.merged.put(node.clone()),
            None => self.merged.remove(id),
        };
    }

    /// Something is different.
    pub(super) fn mark(&mut self) {
        self.is_due = true;
    }

    /// When there is something to do next.
    pub(super) fn due(&self) -> Option<Instant> {
        let reign = self.reign.as_ref()?;
        self.is_due.then_some(self.next).into_iter().chain(reign.due()).min()
    }

    /// Does what is due: tells what is different, and begins to write the Network.
    pub(super) async fn proceed(&mut self, known: &Known) -> Result<(), BrokerError> {
        if self.is_due && self.next <= Instant::now() {
            self.tell(known).await?;
        }
        if let Some(reign) = &mut self.reign
            && reign.due().is_some_and(|due| due <= Instant::now())
        {
            reign.writer.begin(&self.store, &reign.token, reign.told, self.merged.moment());
        }
        Ok(())
    }

    /// Waits until the Network that is being written is. May be dropped and asked again.
    pub(super) async fn written(&mut self) -> Result<(), BrokerError> {
        let Some(reign) = &mut self.reign else { return pending().await };
        let is_ours = reign.writer.over().await;
        self.heed(is_ours)
    }

    /// A node has said that it is as it was, or otherwise.
    pub(super) fn checked(&mut self) {
        self.checked = Checked::Yes;
    }

    /// Merges what holds, and tells what is different.
    async fn tell(&mut self, known: &Known) -> Result<(), BrokerError> {
        let Some(reign) = &mut self.reign else { return Ok(()) };
        self.is_due = false;
        let is_down = known.is_down() && self.foreign.is_empty();
        if !known.is_complete() || is_down || self.merged.is_silent() {
            // What is half known, or not at all, is no Network.
            return Ok(());
        }
        let began = Instant::now();
        let difference = self.merged.settle();
        self.merges += 1;
        // More nodes, longer merges, fewer of them: most of the time belongs to polling.
        self.next = Instant::now() + GAP.max(began.elapsed() * (SHARE - 1));
        if difference.is_empty() && reign.since > 0 && reign.is_even() {
            return Ok(());
        }
        let told = self.store.tell(&reign.token, reign.since, &difference).await;
        if let Ok(Some(revision)) = &told {
            (reign.told, reign.since) = (*revision, revision.number);
            self.saves += 1;
            self.checked = Checked::Yes;
        }
        self.heed(told.map(|told| told.is_some()))
    }

    /// Tells what is different, and waits until all that was told is written.
    pub(super) async fn finish(&mut self, known: &Known) -> Result<(), BrokerError> {
        self.tell(known).await?;
        self.write_all().await
    }

    async fn write_all(&mut self) -> Result<(), BrokerError> {
        while let Some(reign) = &mut self.reign
            && reign.is_even()
            && reign.writer.is_behind(reign.told.number)
        {
            if reign.due().is_some() {
                reign.writer.begin(&self.store, &reign.token, reign.told, self.merged.moment());
            }
            self.written().await?;
        }
        Ok(())
    }

    /// Heeds whether the right to write was still this job's.
    fn heed(&mut self, is_ours: Result<bool, BrokerError>) -> Result<(), BrokerError> {
        if !matches!(is_ours, Ok(true)) {
            // After an error it may be written all the same: read anew before anything is compared again.
            self.reign = None;
        }
        if !is_ours? {
            info!(prefix = %self.store.prefix(), "another aggregates the network now");
        }
        Ok(())
    }

    /// Writes what was told, and gives the right back.
    pub(super) async fn leave(&mut self) {
        match timeout(PATIENCE, self.write_all()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "the network is not written"),
            Err(_) => debug!("the network is not written in time"),
        }
        if let Some(reign) = self.reign.take()
            && let Err(error) = self.store.release(&reign.token).await
        {
            debug!(%error, "the right to aggregate ends by itself");
        }
    }
}

#[cfg(test)]
#[path = "aggregator_tests.rs"]
mod tests;
