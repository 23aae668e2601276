//! The whole Network is written beside the loop: it may have megabytes, and nobody who is told of a change waits for it.

use std::future::pending;

use tokio::{
    task::{JoinError, JoinSet, spawn_blocking},
    time::Instant,
};

use super::aggregator::GAP;
use crate::{
    broker::BrokerError,
    network::{
        merge::Moment,
        store::{Revision, Store, Token, Whole},
    },
};

/// Of how many parts of the time one goes into writing, at most.
const SHARE: u32 = 5;

/// Writes one Network after the other.
#[derive(Debug)]
pub(super) struct Writer {
    /// The revision that is written.
    written: u64,
    /// The one that is being written, and since when.
    writing: Option<(u64, Instant)>,
    task: JoinSet<Result<bool, BrokerError>>,
    /// When the next may be.
    next: Instant,
}

impl Writer {
    /// Goes on from what is written.
    pub(super) fn new(written: u64) -> Self {
        Self { written, writing: None, task: JoinSet::new(), next: Instant::now() }
    }

    /// Whether a revision may be the one that is written now.
    pub(super) fn may_be_at(&self, revision: u64) -> bool {
        self.written == revision || self.writing.is_some_and(|(writing, _)| writing == revision)
    }

    /// Whether a revision is not written.
    pub(super) fn is_behind(&self, revision: u64) -> bool {
        self.written < revision
    }

    /// When a revision is to be written, unless it is, or another is being written.
    pub(super) fn due(&self, revision: u64) -> Option<Instant> {
        (self.is_behind(revision) && self.writing.is_none()).then_some(self.next)
    }

    /// Begins to write a revision.
    pub(super) fn begin(&mut self, store: &Store, token: &Token, revision: Revision, moment: Moment) {
        let (store, token) = (store.clone(), token.clone());
        self.writing = Some((revision.number, Instant::now()));
        self.task.spawn(async move {
            let whole = spawn_blocking(move || Whole::new(&moment)).await.map_err(|error| broken(&error))?;
            store.save(&token, revision, &whole).await
        });
    }

    /// What came of writing, once it is over; false if the right to write is another's. May be dropped and asked again.
    pub(super) async fn over(&mut self) -> Result<bool, BrokerError> {
        let Some(done) = self.task.join_next().await else { return pending().await };
        let is_ours = done.map_err(|error| broken(&error)).flatten();
        if let Some((revision, began)) = self.writing.take() {
            self.next = Instant::now() + GAP.max(began.elapsed() * (SHARE - 1));
            if matches!(is_ours, Ok(true)) {
                self.written = revision;
            }
        }
        is_ours
    }
}

/// It was not written, as if Redis had been away.
fn broken(error: &JoinError) -> BrokerError {
    BrokerError::Unavailable { reason: error.to_string(), source: None }
}
