//! What this sanjer holds: every job between its claim and the confirmed end of its run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::job::JobId;

/// The jobs of one process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Held {
    jobs: Arc<Mutex<HashMap<JobId, Hold>>>,
    emptied: Arc<Notify>,
}

#[derive(Debug)]
struct Hold {
    lease: u64,
    cancel: CancellationToken,
    ended: bool,
    /// Whether it has the process for itself. Then its slot is free again when the end of its run stands in Redis, not
    /// before: it must be the only job that could have killed the process.
    alone: bool,
    slot: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Notes a claimed job; its token ends when the job shall stop.
    pub fn add(&self, id: JobId, lease: u64, slot: OwnedSemaphorePermit, alone: bool) -> CancellationToken {
        let cancel = CancellationToken::new();
        let hold = Hold { lease, cancel: cancel.clone(), ended: false, alone, slot: Some(slot) };
        self.lock().insert(id, hold);
        cancel
    }

    /// Claims the right to say how this run ended; only the first caller has it. So a run that ends while it is
    /// being handed back says one thing, not two.
    ///
    /// The next job is claimed while this end is written, unless the job has the process for itself.
    pub fn end(&self, id: JobId, lease: u64) -> bool {
        let mut jobs = self.lock();
        let Some(hold) = jobs.get_mut(&id).filter(|hold| hold.lease == lease && !hold.ended) else { return false };
        hold.ended = true;
        if !hold.alone {
            hold.slot = None;
        }
        true
    }

    /// Forgets a job whose end is confirmed, or which turned out to be another's.
    pub fn remove(&self, id: JobId, lease: u64) {
        let mut jobs = self.lock();
        if jobs.get(&id).is_some_and(|hold| hold.lease == lease) {
            jobs.remove(&id);
        }
        if jobs.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Asks one run to stop.
    pub fn cancel(&self, id: JobId, lease: u64) {
        if let Some(hold) = self.lock().get(&id).filter(|hold| hold.lease == lease) {
            hold.cancel.cancel();
        }
    }

    /// Waits until nothing is held.
    pub async fn emptied(&self) {
        loop {
            // Registered before looking, so that the last removal cannot slip in between.
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Every job held and its lease.
    pub fn all(&self) -> Vec<(JobId, u64)> {
        self.lock().iter().map(|(id, hold)| (*id, hold.lease)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Hold>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
