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
        Self { store, latest, wanted, told, is_behind: true }
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
            match self.messages(&latest).await {
                Ok(messages) => {
                    self.is_behind = false;
                    self.told = messages.last().map(|message| message.revision).or(self.told);
                    return Some(Told { messages, alarms: latest.alarms.clone() });
                }
                Err(error) => {
                    tracing::debug!(%error, prefix = %self.store.prefix(), "cannot read the network; will keep trying");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// What brings the client there.
    async fn messages(&self, latest: &Latest) -> Result<Vec<Message>, BrokerError> {
        if latest.revision == 0 || self.told == Some(latest.revision) {
            return Ok(Vec::new());
        }
        let known = self.told.filter(|_| self.wanted == Wanted::Diffs);
        if let Some(diffs) = known.and_then(|told| latest.diffs_since(told)) {
            return Ok(diffs.cloned().collect());
        }
        // It may be newer than what was heard of, and what the client has already.
        let whole = latest.whole(&self.store).await?;
        Ok(whole.into_iter().filter(|whole| self.told != Some(whole.revision)).collect())
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("told", &self.told).finish_non_exhaustive()
    }
}
