//! What this sanjer holds: every job between its claim and the confirmed end of its run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::BATCH;
use crate::job::JobId;

/// The jobs of one process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Held {
    jobs: Arc<Mutex<Jobs>>,
    emptied: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Jobs {
    holds: HashMap<JobId, Hold>,
    /// How many have ended without its being confirmed. While their ends cannot be written, no more jobs may be taken
    /// than one call can end.
    unconfirmed: usize,
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
        self.lock().holds.insert(id, hold);
        cancel
    }

    /// Claims the right to say how this run ended; only the first caller has it. So a run that ends while it is
    /// being handed back says one thing, not two.
    ///
    /// The next job is claimed while this end is written, unless the job has the process for itself.
    pub fn end(&self, id: JobId, lease: u64) -> bool {
        let mut jobs = self.lock();
        let Jobs { holds, unconfirmed } = &mut *jobs;
        let Some(hold) = holds.get_mut(&id).filter(|hold| hold.lease == lease && !hold.ended) else { return false };
        hold.ended = true;
        if !hold.alone && *unconfirmed < BATCH {
            hold.slot = None;
        }
        *unconfirmed += 1;
        true
    }

    /// Forgets a job whose end is confirmed, or which turned out to be another's.
    pub fn remove(&self, id: JobId, lease: u64) {
        let mut jobs = self.lock();
        if jobs.holds.get(&id).is_some_and(|hold| hold.lease == lease)
            && let Some(hold) = jobs.holds.remove(&id)
        {
            jobs.unconfirmed -= usize::from(hold.ended);
        }
        if jobs.holds.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Asks one run to stop.
    pub fn cancel(&self, id: JobId, lease: u64) {
        if let Some(hold) = self.lock().holds.get(&id).filter(|hold| hold.lease == lease) {
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
            if self.lock().holds.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Every job held and its lease.
    pub fn all(&self) -> Vec<(JobId, u64)> {
        self.lock().holds.iter().map(|(id, hold)| (*id, hold.lease)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::job::Shard;

    #[tokio::test]
    async fn a_slot_is_free_when_its_run_has_ended_within_bounds() {
        let (held, slots) = (Held::default(), Arc::new(Semaphore::new(2 * BATCH)));
        let mut jobs = Vec::new();
        for alone in [true, false].into_iter().chain(std::iter::repeat_n(false, 2 * BATCH - 2)) {
            let id = JobId::new(Shard(0));
            held.add(id, 1, slots.clone().acquire_owned().await.unwrap(), alone);
            jobs.push(id);
        }
        assert!(held.end(jobs[0], 1) && !held.end(jobs[0], 1) && !held.end(jobs[1], 2));
        assert_eq!(slots.available_permits(), 0, "what is alone keeps its slot until its end is confirmed");
        assert!(jobs[1..].iter().all(|id| held.end(*id, 1)));
        assert_eq!(slots.available_permits(), BATCH - 1, "nor may more ends wait than one call can write");
        for id in jobs {
            held.remove(id, 1);
        }
        assert_eq!(slots.available_permits(), 2 * BATCH);
        held.emptied().await;
    }
}
