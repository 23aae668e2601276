//! The newest Network for everybody in this process who follows it: one reader of its event stream for all of them.
//!
//! In: the stream `events` of a store. Out: a [`Follower`] a client. Invariants: a follower gets the newest there is, and
//! never one that it was told before; who is slow misses those between and makes nobody wait; nobody follows, nothing is
//! read.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    prefix::Prefix,
    store::{Store, Stored},
};
use crate::{
    broker::{BrokerError, Connection},
    queue::Backoff,
};

/// How long one read waits, and how long it may take in all.
const BLOCK: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));
/// Entries read at once.
const ENTRIES: usize = 100;
/// How long a new follower waits for the reader.
const READY: Duration = Duration::from_secs(5);

/// All readers of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Feeds(Arc<Mutex<HashMap<Prefix, Feed>>>);

/// What the reader of one Network found last.
type Feed = watch::Sender<Option<Arc<Latest>>>;

/// The Network as it is now, ready to be sent.
#[derive(Debug)]
pub struct Latest {
    /// 0 if there is none.
    pub revision: u64,
    /// `{"type":"network","revision":…,"data":…}`, on one line; empty if there is none.
    pub message: Bytes,
    /// `{"type":"alarms","alarms":[…]}`, on one line.
    pub alarms: String,
}

/// Follows one Network.
pub struct Follower {
    latest: watch::Receiver<Option<Arc<Latest>>>,
}

impl Feeds {
    /// Follows a Network.
    pub async fn follow(&self, store: &Store) -> Result<Follower, BrokerError> {
        let mut latest = self.listen(store);
        let is_ready = matches!(timeout(READY, latest.wait_for(Option::is_some)).await, Ok(Ok(_)));
        if !is_ready {
            return Err(BrokerError::Unavailable { reason: "the event stream cannot be read".into(), source: None });
        }
        latest.mark_changed();
        Ok(Follower { latest })
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<Prefix, Feed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, store: &Store) -> watch::Receiver<Option<Arc<Latest>>> {
        let mut feeds = self.feeds();
        let feed = feeds.entry(store.prefix().clone()).or_insert_with(|| {
            let feed = watch::channel(None).0;
            tokio::spawn(read(self.clone(), store.clone(), feed.clone()));
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

impl Follower {
    /// The newest, once it is another than the one before; `None` if there is no reader any more.
    pub async fn next(&mut self) -> Option<Arc<Latest>> {
        self.latest.changed().await.ok()?;
        self.latest.borrow_and_update().clone()
    }
}

impl Latest {
    fn of(stored: &Stored) -> Self {
        let Stored { json, revision, alarms, .. } = stored;
        // Lines end messages; whoever wrote the key may have laid it out in several.
        let is_line = !json.is_empty() && !json.contains(['\n', '\r']);
        let compact = || serde_json::from_str::<Value>(json).map(|value| value.to_string()).ok();
        let data = if is_line { Some(json.clone()) } else { compact() };
        let message = data.map(|data| format!("{{\"type\":\"network\",\"revision\":{revision},\"data\":{data}}}"));
        let alarms: Vec<Value> = alarms.iter().filter_map(|alarm| serde_json::from_str(alarm).ok()).collect();
        Self {
            revision: if message.is_some() { *revision } else { 0 },
            message: message.unwrap_or_default().into(),
            alarms: serde_json::json!({ "type": "alarms", "alarms": alarms }).to_string(),
        }
    }
}

/// Reads until nobody follows any more, through restarts of Redis.
async fn read(feeds: Feeds, store: Store, feed: Feed) {
    let mut connection = store.broker().dedicated(BLOCK.1);
    let (never, mut backoff) = (CancellationToken::new(), Backoff::default());
    let mut position: Option<String> = None;
    while feeds.is_followed(store.prefix()) {
        let step = async {
            if let Some(position) = &position {
                wait(&mut connection, &store, position).await?;
            }
            // Whatever has happened, this is what there is now; it also finds what a lost event would have told.
            store.read().await
        };
        match step.await {
            Ok(stored) => {
                position = Some(stored.last_event.clone());
                let latest = Latest::of(&stored);
                feed.send_if_modified(|told| {
                    let is_new = told
                        .as_ref()
                        .is_none_or(|told| told.revision != latest.revision || told.alarms != latest.alarms);
                    if is_new {
                        *told = Some(Arc::new(latest));
                    }
                    is_new
                });
                backoff.reset();
            }
            Err(error) => {
                tracing::debug!(%error, prefix = %store.prefix(), "cannot read the network; will keep trying");
                position = None;
                backoff.wait(&never).await;
            }
        }
    }
}

/// Waits until something happens after `position`, or for a while.
async fn wait(connection: &mut Connection, store: &Store, position: &str) -> Result<(), BrokerError> {
    let mut command = redis::cmd("XREAD");
    command.arg("COUNT").arg(ENTRIES).arg("BLOCK").arg(BLOCK.0.as_secs() * 1000);
    command.arg("STREAMS").arg(store.events_key()).arg(position);
    let _: redis::Value = command.query_async(connection).await?;
    Ok(())
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feeds")
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follower")
    }
}
