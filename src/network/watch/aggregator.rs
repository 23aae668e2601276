//! The one who writes the Network, or who would if the one who does left.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::known::Known;
use crate::{
    broker::BrokerError,
    network::{
        change::Difference,
        merge::{Reporters, merge},
        model::{Network, Node},
        store::{Checked, Store, Token},
    },
};

/// How long who says nothing keeps the right to write.
const LEASE: Duration = Duration::from_secs(10);
/// Of how many parts of the time one goes into merging, at most.
const SHARE: u32 = 3;
/// The least time between two merges.
const GAP: Duration = Duration::from_millis(5);

/// What is known of the Network.
#[derive(Debug)]
pub(super) struct Aggregator {
    store: Store,
    owner: String,
    /// The right to write, and what is written, while this is the one.
    reign: Option<Reign>,
    /// Redis' clock, and when it was read.
    clock: (u64, Instant),
    /// What nodes said that others poll.
    foreign: Vec<Node>,
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
    told: Network,
    reporters: Reporters,
    revision: u64,
}

impl Aggregator {
    pub(super) fn new(store: Store, owner: String) -> Self {
        let (now, foreign) = (Instant::now(), Vec::new());
        let (checked, is_due) = (Checked::No, false);
        Self { store, owner, reign: None, clock: (0, now), foreign, is_due, next: now, checked, saves: 0, merges: 0 }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Redis' clock, in ms since 1970.
    pub(super) fn now(&self) -> u64 {
        self.clock.0 + u64::try_from(self.clock.1.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The Network as it was told last, as far as this is the one who tells it.
    pub(super) fn told(&self) -> Option<&Network> {
        self.reign.as_ref().map(|reign| &reign.told)
    }

    /// Whether this is the one who writes.
    pub(super) fn reigns(&self) -> bool {
        self.reign.is_some()
    }

    /// Takes the right to write if it is free, or keeps it, and reads what others polled. Once a second.
    pub(super) async fn beat(&mut self, known: &Known) -> Result<(), BrokerError> {
        let read = Instant::now();
        // While a merge is due, nobody knows whether the Network is right.
        let checked = if self.is_due { Checked::No } else { self.checked };
        let held = self.store.hold(&self.owner, LEASE, checked).await?;
        self.clock = (held.now, read);
        self.checked = Checked::No;
        let Some(token) = held.token else {
            if self.reign.take().is_some() {
                warn!(prefix = %self.store.prefix(), "another aggregates the network now");
            }
            return Ok(());
        };
        let is_as_known =
            self.reign.as_ref().is_some_and(|reign| reign.token == token && reign.revision == held.revision);
        if !is_as_known {
            self.ascend(token).await?;
        }
        self.read_foreign(known).await
    }

    /// Reads what the one before has written.
    async fn ascend(&mut self, token: Token) -> Result<(), BrokerError> {
        let stored = self.store.read().await?;
        // What cannot be read is replaced.
        let told: Option<Network> = serde_json::from_str(&stored.json).ok();
        let revision = if told.is_some() { stored.revision } else { 0 };
        debug!(prefix = %self.store.prefix(), revision, "this job aggregates the network");
        let told = told.unwrap_or_default();
        let reporters = self.store.reporters().await?;
        self.reign = Some(Reign { token, told, reporters, revision });
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
        self.is_due |= nodes != self.foreign;
        self.foreign = nodes;
        Ok(())
    }

    /// Something is different.
    pub(super) fn mark(&mut self) {
        self.is_due = true;
    }

    /// The moment of the next merge, if one is due.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.is_due && self.reign.is_some()).then_some(self.next)
    }

    /// A node has said that it is as it was, or otherwise.
    pub(super) fn checked(&mut self) {
        self.checked = Checked::Yes;
    }

    /// Merges what holds, and saves it if it differs; true if it did.
    pub(super) async fn aggregate(&mut self, known: &Known) -> Result<bool, BrokerError> {
        let Some(reign) = &mut self.reign else { return Ok(false) };
        self.is_due = false;
        if !known.is_complete() || (known.is_down() && self.foreign.is_empty()) {
            // What is half known, or not at all, is no Network.
            return Ok(false);
        }
        let began = Instant::now();
        let own: BTreeSet<&str> = known.holding().map(|node| node.id.as_str()).collect();
        let foreign = self.foreign.iter().filter(|node| !own.contains(node.id.as_str()));
        let (network, reporters) = merge(known.holding().chain(foreign), Some(&reign.told), &reign.reporters);
        self.merges += 1;
        // More nodes, longer merges, fewer of them: most of the time belongs to polling.
        self.next = Instant::now() + GAP.max(began.elapsed() * (SHARE - 1));
        if network.nodes.is_empty() {
            return Ok(false);
        }
        reign.reporters = reporters;
        if reign.revision > 0 && network == reign.told {
            return Ok(false);
        }
        let difference = Difference::between(&reign.told, &network);
        match self.store.save(&reign.token, reign.revision, &network, &reign.reporters, &difference).await {
            Ok(Some(revision)) => {
                (reign.told, reign.revision) = (network, revision);
                self.saves += 1;
                self.checked = Checked::Yes;
                Ok(true)
            }
            Ok(None) => {
                info!(prefix = %self.store.prefix(), "another aggregates the network now");
                self.reign = None;
                Ok(false)
            }
            Err(error) => {
                // It may be written all the same: read anew before anything is compared again.
                self.reign = None;
                Err(error)
            }
        }
    }

    /// Gives the right back.
    pub(super) async fn leave(&mut self) {
        if let Some(reign) = self.reign.take()
            && let Err(error) = self.store.release(&reign.token).await
        {
            debug!(%error, "the right to aggregate ends by itself");
        }
    }
}
