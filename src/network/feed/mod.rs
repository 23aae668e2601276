//! The newest of a Network for everybody in this process who follows it: one reader of its event stream for all of them.
//!
//! In: the stream `events` of a store. Out: a [`Follower`] a client. Invariants: a follower gets the newest there is, and
//! never what it was told before, nor anything older; who is slow misses those between and makes nobody wait; nobody
//! follows, nothing is read; the whole Network is read at most once each time it is written, and only if somebody wants
//! all of it.

mod follower;
mod latest;
mod reader;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use self::latest::Latest;
pub use self::{
    follower::{Follower, Told, Wanted},
    latest::{Message, MessageKind},
};
use super::{prefix::Prefix, store::Store};
use crate::broker::BrokerError;

/// How long a new follower waits for the reader.
const READY: Duration = Duration::from_secs(5);

/// All readers of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Feeds(Arc<Mutex<HashMap<Prefix, Feed>>>);

/// What the reader of one Network found last.
type Feed = watch::Sender<Option<Arc<Latest>>>;

impl Feeds {
    /// Follows a Network on behalf of a client that has revision `told`, if any.
    pub async fn follow(&self, store: &Store, wanted: Wanted, told: Option<u64>) -> Result<Follower, BrokerError> {
        let mut latest = self.listen(store);
        let is_ready = matches!(timeout(READY, latest.wait_for(Option::is_some)).await, Ok(Ok(_)));
        if !is_ready {
            return Err(BrokerError::Unavailable { reason: "the event stream cannot be read".into(), source: None });
        }
        Ok(Follower::new(store.clone(), latest, wanted, told))
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<Prefix, Feed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, store: &Store) -> watch::Receiver<Option<Arc<Latest>>> {
        let mut feeds = self.feeds();
        let feed = feeds.entry(store.prefix().clone()).or_insert_with(|| {
            let feed = watch::channel(None).0;
            tokio::spawn(reader::read(self.clone(), store.clone(), feed.clone()));
            feed
        });
        feed.subscribe()
    }

    /// Whether anybody follows; if not, the reader is gone, and whoever comes next starts a new one.
    fn is_followed(&self, prefix: &Prefix) -> bool {
        let mut feeds = self.feeds();
        let is_followed = feeds.get(prefix).is_some_and(|feed| feed.receiver_count() > 0);
        if !is_followed {
            feeds.remove(prefix);
        }
        is_followed
    }
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feeds")
    }
}

#[cfg(test)]
mod tests;
