//! One client of a feed.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use super::latest::{Latest, Message};
use crate::{broker::BrokerError, network::store::Store};

/// How long a follower waits before it reads the Network again, if that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What a follower is told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole Network.
    Networks,
    /// What is different, where that is known; otherwise the whole Network.
    Diffs,
}

/// News for a follower.
#[derive(Clone, Debug)]
pub struct Told {
    /// What brings the client to the newest revision; none if it has that.
    pub messages: Vec<Message>,
    /// The alarms that are on: `{"type":"alarms","alarms":[…]}`, on one line.
    pub alarms: String,
}

/// Follows one Network.
pub struct Follower {
    store: Store,
    latest: watch::Receiver<Option<Arc<Latest>>>,
    wanted: Wanted,
    /// The revision that the client has.
    told: Option<u64>,
    /// When that revision was the newest, by [`Latest::era`]; nobody knows of one that the client came with.
    era: Option<u64>,
    /// Whether there is something newer that was not told yet.
    is_behind: bool,
}

impl Follower {
    pub(super) fn new(
        store: Store,
        latest: watch::Receiver<Option<Arc<Latest>>>,
        wanted: Wanted,
        told: Option<u64>,
    ) -> Self {
        Self { store, latest, wanted, told, era: None, is_behind: true }
    }

    /// What is new, once something is; `None` if there is no reader any more. May be dropped and asked again: nothing is
    /// lost by that.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if !self.is_behind {
                self.latest.changed().await.ok()?;
                self.is_behind = true;
            }
            let latest = self.latest.borrow_and_update().clone()?;
            let told = told(self.told, self.era, &latest);
            match self.messages(&latest, told).await {
                Ok(messages) => {
                    self.is_behind = false;
                    // While there is no Network, nobody knows what the client has.
                    if latest.revision > 0 {
                        (self.told, self.era) = (messages.last().map(|last| last.revision).or(told), Some(latest.era));
                    }
                    return Some(Told { messages, alarms: latest.alarms.clone() });
                }
                Err(error) => {
                    tracing::debug!(%error, prefix = %self.store.prefix(), "cannot read the network; will keep trying");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// What brings the client there from the revision that it has.
    async fn messages(&self, latest: &Latest, told: Option<u64>) -> Result<Vec<Message>, BrokerError> {
        let since = |revision| latest.diffs_since(revision).filter(|_| self.wanted == Wanted::Diffs);
        if let Some(diffs) = told.and_then(since) {
            return Ok(diffs.cloned().collect());
        }
        let is_newer = |revision| told.is_none_or(|told| told < revision);
        if latest.revision == 0 || !is_newer(latest.whole.revision) {
            // The Network that the client has not is on its way.
            return Ok(Vec::new());
        }
        // It may be newer than what was heard of.
        let whole = latest.whole.message(&self.store).await?.filter(|whole| is_newer(whole.revision));
        let diffs = whole.as_ref().and_then(|whole| since(whole.revision)).into_iter().flatten().cloned();
        Ok(whole.iter().cloned().chain(diffs).collect())
    }
}

/// The revision that a client has, unless that is none of those that led to the latest.
fn told(told: Option<u64>, era: Option<u64>, latest: &Latest) -> Option<u64> {
    told.filter(|told| era.map_or(*told <= latest.revision, |era| era == latest.era))
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("told", &self.told).finish_non_exhaustive()
    }
}
