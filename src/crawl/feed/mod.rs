//! What happens in a network: one reader of its event stream for everybody in this process who follows.
//!
//! In: the stream `events` of a store. Out: a [`Follower`] a client. Invariants: a follower listens before it looks, so
//! nothing falls between; one that is too slow, or came back too late, is told `reset` and goes on from now, it never
//! makes the others wait; nobody follows, nothing is read.

mod mark;
mod reader;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        watch,
    },
    time::timeout,
};

pub use self::mark::{Mark, MarkError};
use self::reader::{Entries, bounds, event};
use super::store::Store;
use crate::broker::BrokerError;

/// Events that may wait for one follower.
const WAITING: usize = 256;
/// Entries read at once.
const ENTRIES: usize = 200;
/// Events that one follower may have missed; who is further back begins anew.
const MISSED: usize = 5_000;
/// How long a new follower waits for the reader.
const READY: Duration = Duration::from_secs(5);

/// All readers of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Feeds(Arc<Mutex<HashMap<String, Feed>>>);

/// A network's reader while somebody follows.
struct Feed {
    sender: broadcast::Sender<Said>,
    position: watch::Receiver<Option<Mark>>,
}

/// What a reader says.
#[derive(Clone, Debug)]
enum Said {
    Event(Told),
    /// Some events were lost; this is the last of them.
    Lost(Mark),
}

/// One thing to tell a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// To go on after it.
    pub id: Mark,
    /// `found`, `updated`, `gone` or `reset`.
    pub name: String,
    /// JSON on one line.
    pub data: Arc<str>,
}

/// Follows one network.
pub struct Follower {
    events: broadcast::Receiver<Said>,
    position: watch::Receiver<Option<Mark>>,
    ready: VecDeque<Told>,
    /// Everything up to here has been told.
    told: Mark,
}

impl Feeds {
    /// Follows a network from now on; with `after`, from what came after it if that is still kept.
    pub async fn follow(&self, store: &Store, after: Option<Mark>) -> Result<Follower, BrokerError> {
        let (events, mut position) = self.listen(store);
        let ready = timeout(READY, position.wait_for(Option::is_some)).await;
        let Some(from) = ready.ok().and_then(Result::ok).and_then(|from| *from) else {
            return Err(BrokerError::Unavailable { reason: "the event stream cannot be read".into(), source: None });
        };
        let mut follower = Follower { events, position, ready: VecDeque::new(), told: from };
        if let Some(after) = after {
            match missed(store, after, from).await? {
                Some(missed) => {
                    follower.ready.extend(missed);
                    follower.told = from.max(after);
                }
                None => follower.reset(from),
            }
        }
        Ok(follower)
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<String, Feed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, store: &Store) -> (broadcast::Receiver<Said>, watch::Receiver<Option<Mark>>) {
        let mut feeds = self.feeds();
        let feed = feeds.entry(store.events_key()).or_insert_with(|| {
            let (tell, position) = watch::channel(None);
            let sender = broadcast::channel(WAITING).0;
            tokio::spawn(reader::read(self.clone(), store.clone(), sender.clone(), tell));
            Feed { sender, position }
        });
        (feed.sender.subscribe(), feed.position.clone())
    }

    /// Whether anybody follows; if not, the reader is gone, and whoever comes next starts a new one.
    fn is_followed(&self, key: &str) -> bool {
        let mut feeds = self.feeds();
        let followed = feeds.get(key).is_some_and(|feed| feed.sender.receiver_count() > 0);
        if !followed {
            feeds.remove(key);
        }
        followed
    }
}

impl Follower {
    /// The next thing to tell; `None` if there is no reader any more.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            match self.events.recv().await {
                Ok(Said::Event(told)) if told.id > self.told => {
                    self.told = told.id;
                    return Some(told);
                }
                Ok(Said::Event(_)) => {}
                Ok(Said::Lost(at)) => self.reset(at),
                Err(RecvError::Lagged(_)) => {
                    let now = *self.position.borrow();
                    self.events = self.events.resubscribe();
                    self.reset(now.unwrap_or(self.told));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Tells that events are missing, and goes on after `at`.
    fn reset(&mut self, at: Mark) {
        self.told = at;
        let data = json!({ "type": "reset" }).to_string().into();
        self.ready.push_back(Told { id: at, name: "reset".into(), data });
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("told", &self.told).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feeds")
    }
}

/// What was said after `after`, up to and including `until`; `None` if some of it may have been trimmed, or if that is
/// too much.
async fn missed(store: &Store, after: Mark, until: Mark) -> Result<Option<Vec<Told>>, BrokerError> {
    let (mut missed, mut start) = (Vec::new(), after);
    while start < until {
        let mut command = redis::cmd("XRANGE");
        command.arg(store.events_key()).arg(format!("({start}")).arg(until.to_string()).arg("COUNT").arg(ENTRIES);
        let entries: Entries = store.broker().query(&command).await?;
        missed.extend(entries.iter().filter_map(event));
        match entries.last().and_then(|(id, _)| id.parse().ok()) {
            Some(last) if entries.len() == ENTRIES => start = last,
            _ => break,
        }
        if missed.len() > MISSED {
            return Ok(None);
        }
    }
    // Asked after reading: what was trimmed meanwhile counts too.
    let (first, last) = bounds(store).await?;
    Ok((first <= after && after <= last).then_some(missed))
}

#[cfg(test)]
mod tests;
