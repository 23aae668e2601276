//! Takes jobs from Redis for the free slots of one sanjer, and no more: nothing is prefetched, so an idle sanjer
//! never waits behind a busy one.
//!
//! It sleeps until it is woken (pub/sub), until the next delayed job is due, or until the safety poll. Redis may
//! fail as it likes: the claimer backs off and goes on. A claim whose answer got lost may still have taken jobs, and a
//! Redis that comes back may have forgotten that a run has ended; so for a lease's time after an error or a new
//! connection it gives back whatever Redis says it holds and it does not know.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{BATCH, Backoff, Claim, Held, Lane, Queue, Ticket};
use crate::{broker::BrokerError, job::Shard, watch::Tally};

/// What a claimer works with.
#[derive(Debug)]
pub struct Claimer {
    /// Where it claims.
    pub queue: Queue,
    /// The name it claims under.
    pub sanjer: String,
    /// The pool it claims for.
    pub pool: String,
    /// Jobs at once.
    pub slots: usize,
    /// Free slots.
    pub free: Arc<Semaphore>,
    /// What the sanjer holds.
    pub held: Held,
    /// Rings when there may be work.
    pub wake: Arc<Notify>,
    /// Where claimed jobs go, a claim at a time.
    pub claims: mpsc::Sender<Vec<Ticket>>,
    /// How long it waits before it looks by itself.
    pub safety_poll: Duration,
    /// How long a lost claim may have effects.
    pub lease: Duration,
    /// Called before the process begins to run several jobs at once.
    pub shares: fn(),
    /// Whether it shall take none for a while.
    pub quiet: watch::Receiver<bool>,
    /// Where it says how long jobs had waited.
    pub tally: Tally,
    /// Ends when no more jobs shall be taken.
    pub stop: CancellationToken,
}

impl Claimer {
    /// Claims until told to stop or declared dead. A spare (`Lane::Alone`) takes suspects, one at a time, until
    /// `serve` ends; then it serves its pool.
    pub async fn run(self, lane: Lane, serve: CancellationToken) -> Declared {
        if lane == Lane::Alone {
            if self.claim_from(Lane::Alone, &serve).await == Declared::Dead {
                return Declared::Dead;
            }
            // The suspect it may be running has the process for itself until it ends.
            if self.slot(&self.stop).await.is_none() {
                return Declared::Alive;
            }
            self.free.add_permits(self.slots - 1);
        }
        if self.slots > 1 {
            (self.shares)();
        }
        self.claim_from(Lane::Queue, &self.stop).await
    }

    /// Claims from one lane until `until` ends. Never dropped in between: a claim under way must be taken in.
    async fn claim_from(&self, lane: Lane, until: &CancellationToken) -> Declared {
        let shards: Vec<Shard> = self.queue.shards().collect();
        let mut first = 0;
        let mut backoff = Backoff::default();
        let mut doubt_until = None;
        let mut connected = self.queue.broker().connected();
        while let Some(slot) = self.slot_unless_quiet(until, doubt_until.is_some()).await {
            if connected != self.queue.broker().connected() {
                connected = self.queue.broker().connected();
                doubt_until = Some(Instant::now() + self.lease);
            }
            // Every round starts at another shard, so that none is always last.
            first = (first + 1) % shards.len();
            let round = shards.iter().cycle().skip(first).take(shards.len()).copied();
            match self.claim_round(lane, round, slot, doubt_until.is_some()).await {
                Ok(Round::Dead) => return Declared::Dead,
                Ok(Round::Full) => backoff.reset(),
                Ok(Round::Dry { next_due }) => {
                    backoff.reset();
                    let pause = next_due.map_or(self.safety_poll, |due| due.min(self.safety_poll));
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = sleep(pause) => {}
                        () = until.cancelled() => {}
                    }
                }
                Err(error) => {
                    if doubt_until.is_none() {
                        warn!(error = %error, "cannot claim; will keep trying");
                    }
                    doubt_until = Some(Instant::now() + self.lease);
                    backoff.wait(until).await;
                }
            }
            doubt_until = doubt_until.filter(|until| Instant::now() < *until);
        }
        Declared::Alive
    }

    /// A free slot once it may take jobs; at once if what it holds is in doubt.
    async fn slot_unless_quiet(&self, until: &CancellationToken, in_doubt: bool) -> Option<OwnedSemaphorePermit> {
        let mut quiet = self.quiet.clone();
        if !in_doubt {
            tokio::select! {
                biased;
                () = until.cancelled() => return None,
                // Nobody can ask for quiet any more only when the process ends.
                _ = quiet.wait_for(|quiet| !quiet) => {}
            }
        }
        self.slot(until).await
    }

    /// A free slot, or nothing when it is time to stop.
    async fn slot(&self, until: &CancellationToken) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = until.cancelled() => None,
            slot = self.free.clone().acquire_owned() => slot.ok(),
        }
    }

    async fn claim_round(
        &self,
        lane: Lane,
        shards: impl Iterator<Item = Shard>,
        slot: OwnedSemaphorePermit,
        in_doubt: bool,
    ) -> Result<Round, BrokerError> {
        let mut slots = slot;
        let more = self.free.available_permits().min(BATCH - 1);
        if let Ok(permits) = self.free.clone().try_acquire_many_owned(u32::try_from(more).unwrap_or(0)) {
            slots.merge(permits);
        }
        let mut next_due: Option<Duration> = None;
        for shard in shards {
            if in_doubt {
                self.disown(shard).await?;
            }
            if *self.quiet.borrow() {
                continue;
            }
            match self.queue.claim(shard, &self.sanjer, lane, &self.pool, slots.num_permits()).await? {
                Claim::Tombstoned => return Ok(Round::Dead),
                Claim::Jobs { jobs, due, waited_ms } => {
                    if !jobs.is_empty() {
                        self.tally.picked_up(waited_ms, jobs.len());
                    }
                    let alone = lane == Lane::Alone || self.slots == 1;
                    let take = jobs.into_iter().map_while(|job| {
                        let cancel = self.held.add(job.id, job.lease, slots.split(1)?, alone);
                        Some(Ticket { job, cancel, alone })
                    });
                    let claim: Vec<Ticket> = take.collect();
                    if !claim.is_empty() && self.claims.send(claim).await.is_err() {
                        // The worker is gone; the process ends and what is held goes back.
                        error!("the worker ended before its claimer");
                        return Ok(Round::Dead);
                    }
                    next_due = match (next_due, due.map(Duration::from_millis)) {
                        (Some(a), Some(b)) => Some(a.min(b)),
                        (a, b) => a.or(b),
                    };
                    if slots.num_permits() == 0 {
                        return Ok(Round::Full);
                    }
                }
            }
        }
        Ok(Round::Dry { next_due })
    }

    async fn disown(&self, shard: Shard) -> Result<(), BrokerError> {
        let moved = self.queue.disown(shard, &self.sanjer, &self.held.ids()).await?;
        if moved > 0 {
            info!(jobs = moved, "gave back jobs of a claim whose answer was lost");
        }
        Ok(())
    }
}

/// Whether a claimer ended because it was asked to, or because it was declared dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// It was asked to stop.
    Alive,
    /// Its name stands on a tombstone: it must end at once.
    Dead,
}

enum Round {
    /// Every free slot got a job.
    Full,
    /// There was less work than slots.
    Dry { next_due: Option<Duration> },
    /// Declared dead.
    Dead,
}
