//! What the client remembers.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::requests::RequestId;

/// Retrievals that are remembered.
const MAX_RETRIEVALS: usize = 10_000;

/// Callbacks that repetitions are told by.
const MAX_SEEN: usize = 100_000;

/// Retrievals and callbacks.
#[derive(Debug)]
pub(super) struct Memory {
    kept: Mutex<Kept>,
    /// Says that something has come.
    news: watch::Sender<()>,
}

#[derive(Debug)]
struct Kept {
    /// What came; nothing yet for one that was only asked for.
    retrievals: LruCache<RequestId, Option<Value>>,
    seen: LruCache<String, ()>,
    stats: Stats,
}

/// What is known of a retrieval.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Known {
    /// Nothing.
    Nothing,
    /// It was asked for.
    Asked,
    /// This came.
    Came(Value),
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Stats {
    pub(super) asked: u64,
    pub(super) received: u64,
    pub(super) repeated: u64,
    pub(super) refused: u64,
}

impl Memory {
    pub(super) fn new() -> Self {
        let kept =
            Kept { retrievals: LruCache::new(MAX_RETRIEVALS), seen: LruCache::new(MAX_SEEN), stats: Stats::default() };
        Self { kept: Mutex::new(kept), news: watch::Sender::new(()) }
    }

    /// Expects an answer, before it is asked for: a callback may come before the collector's answer does.
    pub(super) fn expect(&self, id: RequestId) {
        let mut kept = self.lock();
        kept.retrievals.insert(id, None);
        kept.stats.asked += 1;
    }

    /// Takes an expectation back: the collector did not take the request.
    pub(super) fn forget(&self, id: &RequestId) {
        let mut kept = self.lock();
        kept.retrievals.remove(id);
        kept.stats.asked -= 1;
    }

    /// Keeps what came, unless this delivery has come before.
    pub(super) fn receive(&self, webhook_id: &str, id: RequestId, body: Value) {
        {
            let mut kept = self.lock();
            if kept.seen.insert(webhook_id.to_owned(), ()).is_some() {
                kept.stats.repeated += 1;
                return;
            }
            kept.stats.received += 1;
            kept.retrievals.insert(id, Some(body));
        }
        self.news.send_replace(());
    }

    pub(super) fn refuse(&self) {
        self.lock().stats.refused += 1;
    }

    pub(super) fn look(&self, id: &RequestId) -> Known {
        match self.lock().retrievals.peek(id) {
            None => Known::Nothing,
            Some(None) => Known::Asked,
            Some(Some(came)) => Known::Came(came.clone()),
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.lock().stats
    }

    /// Whoever looks after this was asked for is told of everything that comes then.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_callback_counts_once() {
        let memory = Memory::new();
        let id: RequestId = "r1".parse().unwrap();
        assert_eq!(memory.look(&id), Known::Nothing);
        memory.expect(id.clone());
        assert_eq!(memory.look(&id), Known::Asked);
        let mut news = memory.news();
        memory.receive("req_r1", id.clone(), json!(1));
        assert!(news.has_changed().unwrap());
        news.mark_unchanged();
        memory.receive("req_r1", id.clone(), json!(2));
        assert_eq!((memory.look(&id), news.has_changed().unwrap()), (Known::Came(json!(1)), false));
        memory.refuse();
        assert_eq!(memory.stats(), Stats { asked: 1, received: 1, repeated: 1, refused: 1 });
    }
}
