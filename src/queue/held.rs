//! What this sanjer holds: every job between its claim and the confirmed end of its run, what its run may use, and
//! whether it shall stop.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;

use super::{BATCH, Finish};
use crate::job::{JobId, Status};

/// The jobs of one process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Held {
    jobs: Arc<Mutex<Jobs>>,
    emptied: Arc<Notify>,
    filled: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Jobs {
    holds: HashMap<JobId, Hold>,
    /// How many have ended without its being confirmed. While their ends cannot be written, no more jobs may be taken
    /// than one call can end.
    unconfirmed: usize,
    /// How many there were in all.
    taken: u64,
}

/// One job that is held.
#[derive(Debug)]
pub struct Hold {
    lease: u64,
    cancel: CancellationToken,
    ended: Option<Instant>,
    /// Whether it has the process for itself. Then its slot is free again when the end of its run stands in Redis, not
    /// before: it must be the only job that could have killed the process.
    alone: bool,
    slot: Option<OwnedSemaphorePermit>,
    run: Option<Run>,
    stop: Option<Stopping>,
}

/// A run that has begun.
#[derive(Debug)]
struct Run {
    since: Instant,
    abort: AbortHandle,
    limits: Limits,
}

/// What a run may use, and how it is stopped.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// How long it may take.
    pub time: Option<Duration>,
    /// The resident memory its process may have, in bytes.
    pub rss: Option<u64>,
    /// The processor time it may use.
    pub cpu: Option<Duration>,
    /// What its process had used when it began.
    pub cpu_before: Duration,
    /// How long it may take to stop by itself.
    pub grace: Duration,
}

/// A run that shall stop.
#[derive(Debug)]
struct Stopping {
    why: Stop,
    since: Instant,
    /// When it was aborted.
    aborted: Option<Instant>,
}

/// Why a run shall stop, which is what its job becomes, whatever the run says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its process goes: the job returns to its place.
    HandBack,
    /// The job ends.
    End {
        /// As what.
        status: Status,
        /// Why, as JSON; empty if there is no more to say.
        error: String,
    },
}

/// Who may say how a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody has said it.
    Before,
    /// The caller, as the run ended by itself.
    ByItself,
    /// The caller, and it must be this.
    Stopped(Stop),
}

/// What is to be done about a run now.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Leave,
    /// It shall stop.
    Stop(Stop),
    /// It did not stop in time: its task is aborted.
    Abort,
    /// It does not yield: its job ends, and the process has to.
    GiveUp,
}

impl Held {
    /// Notes a claimed job; its token ends when the job shall stop.
    pub fn add(&self, id: JobId, lease: u64, slot: OwnedSemaphorePermit, alone: bool) -> CancellationToken {
        let cancel = CancellationToken::new();
        let slot = Some(slot);
        let hold = Hold { lease, cancel: cancel.clone(), ended: None, alone, slot, run: None, stop: None };
        let mut jobs = self.lock();
        jobs.taken += 1;
        if jobs.holds.is_empty() {
            self.filled.notify_one();
        }
        jobs.holds.insert(id, hold);
        cancel
    }

    /// Notes that the run of a job has begun; `false` if it was ended meanwhile and must not go on.
    pub fn started(&self, id: JobId, lease: u64, abort: AbortHandle, limits: Limits) -> bool {
        let mut jobs = self.lock();
        let Some(hold) = jobs.hold(id, lease).filter(|hold| hold.ended.is_none()) else { return false };
        hold.run = Some(Run { since: Instant::now(), abort, limits });
        true
    }

    /// Asks one run to stop. What it was asked first holds, but for a hand-back: an end is more.
    pub fn stop(&self, id: JobId, lease: u64, why: Stop) {
        if let Some(hold) = self.lock().hold(id, lease) {
            hold.ask_to_stop(why);
        }
    }

    /// Asks the run of a job to stop, under whichever lease it is held.
    pub fn stop_any(&self, id: JobId, why: Stop) {
        if let Some(hold) = self.lock().holds.get_mut(&id) {
            hold.ask_to_stop(why);
        }
    }

    /// Asks every run to stop.
    pub fn stop_all(&self, why: &Stop) {
        self.lock().holds.values_mut().for_each(|hold| hold.ask_to_stop(why.clone()));
    }

    /// Claims the right to say how this run ended; only the first caller has it. So a run that ends while it is
    /// being handed back says one thing, not two.
    ///
    /// The next job is claimed while this end is written, unless the job has the process for itself.
    pub fn end(&self, id: JobId, lease: u64) -> Ended {
        self.lock().end(id, lease)
    }

    /// Claims that right for every run that has not ended yet.
    pub fn end_all(&self) -> Vec<(JobId, u64)> {
        let mut jobs = self.lock();
        let all: Vec<_> = jobs.holds.iter().map(|(id, hold)| (*id, hold.lease)).collect();
        all.into_iter().filter(|(id, lease)| jobs.end(*id, *lease) != Ended::Before).collect()
    }

    /// Forgets a job whose end is confirmed, or which turned out to be another's. Returns how long its run took, if it
    /// had begun.
    pub fn remove(&self, id: JobId, lease: u64) -> Option<Duration> {
        let mut jobs = self.lock();
        let hold = jobs.hold(id, lease).is_some().then(|| jobs.holds.remove(&id)).flatten();
        jobs.unconfirmed -= usize::from(hold.as_ref().is_some_and(|hold| hold.ended.is_some()));
        if jobs.holds.is_empty() {
            self.emptied.notify_waiters();
        }
        let hold = hold?;
        Some(hold.ended?.saturating_duration_since(hold.run?.since))
    }

    /// Looks at every run that has not ended and does what `step` says. Returns the ends that must be written for runs
    /// that cannot say it themselves, and whether one of them will not yield.
    pub fn patrol(&self, mut step: impl FnMut(&Hold) -> Step) -> (Vec<Finish>, bool) {
        let mut jobs = self.lock();
        let (mut gone, mut stuck) = (Vec::new(), false);
        for (id, hold) in jobs.holds.iter_mut().filter(|(_, hold)| hold.ended.is_none()) {
            match step(hold) {
                Step::Leave => {}
                Step::Stop(why) => hold.ask_to_stop(why),
                Step::Abort => hold.abort(),
                Step::GiveUp => {
                    stuck |= hold.run.is_some();
                    gone.push((*id, hold.lease));
                }
            }
        }
        let end = |(id, lease)| match jobs.end(id, lease) {
            Ended::Stopped(why) => Some(why.finish(id, lease)),
            _ => None,
        };
        (gone.into_iter().filter_map(end).collect(), stuck)
    }

    /// Whether any run has a limit that needs measuring.
    pub fn is_measured(&self) -> bool {
        let measured = |run: &Run| run.limits.rss.is_some() || run.limits.cpu.is_some();
        self.lock().holds.values().any(|hold| hold.run.as_ref().is_some_and(measured))
    }

    /// How many jobs were taken in all.
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// Waits until something is held.
    pub async fn filled(&self) {
        while self.lock().holds.is_empty() {
            self.filled.notified().await;
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

    /// Every job held.
    pub fn ids(&self) -> Vec<JobId> {
        self.lock().holds.keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    fn hold(&mut self, id: JobId, lease: u64) -> Option<&mut Hold> {
        self.holds.get_mut(&id).filter(|hold| hold.lease == lease)
    }

    fn end(&mut self, id: JobId, lease: u64) -> Ended {
        let Self { holds, unconfirmed, .. } = self;
        let Some(hold) = holds.get_mut(&id).filter(|hold| hold.lease == lease && hold.ended.is_none()) else {
            return Ended::Before;
        };
        hold.ended = Some(Instant::now());
        if !hold.alone && *unconfirmed < BATCH {
            hold.slot = None;
        }
        *unconfirmed += 1;
        hold.stop.take().map_or(Ended::ByItself, |stop| Ended::Stopped(stop.why))
    }
}

impl Hold {
    /// How long the run has lasted, and what it may use; `None` before it has begun.
    pub fn run(&self, now: Instant) -> Option<(Duration, &Limits)> {
        self.run.as_ref().map(|run| (now.saturating_duration_since(run.since), &run.limits))
    }

    /// How long ago it was asked to stop and why, and how long ago it was aborted.
    pub fn stopping(&self, now: Instant) -> Option<(&Stop, Duration, Option<Duration>)> {
        let stop = self.stop.as_ref()?;
        let aborted = stop.aborted.map(|aborted| now.saturating_duration_since(aborted));
        Some((&stop.why, now.saturating_duration_since(stop.since), aborted))
    }

    fn ask_to_stop(&mut self, why: Stop) {
        match &mut self.stop {
            None => self.stop = Some(Stopping { why, since: Instant::now(), aborted: None }),
            Some(stop) if stop.why == Stop::HandBack => stop.why = why,
            Some(_) => {}
        }
        self.cancel.cancel();
    }

    fn abort(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.aborted = Some(Instant::now());
        }
        if let Some(run) = &self.run {
            run.abort.abort();
        }
    }
}

impl Stop {
    /// What is written of a run that was stopped.
    pub fn finish(self, id: JobId, lease: u64) -> Finish {
        let (status, json) = match self {
            Self::HandBack => (Status::Queued, String::new()),
            Self::End { status, error } => (status, error),
        };
        Finish { id, lease, status, json, ms: 0, plain: None }
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
        let ends = [(jobs[0], 1), (jobs[0], 1), (jobs[1], 2)].map(|(id, lease)| held.end(id, lease));
        assert_eq!(ends, [Ended::ByItself, Ended::Before, Ended::Before]);
        assert_eq!(slots.available_permits(), 0, "what is alone keeps its slot until its end is confirmed");
        assert!(jobs[1..].iter().all(|id| held.end(*id, 1) == Ended::ByItself));
        assert_eq!(slots.available_permits(), BATCH - 1, "nor may more ends wait than one call can write");
        for id in jobs {
            held.remove(id, 1);
        }
        assert_eq!(slots.available_permits(), 2 * BATCH);
        held.emptied().await;
    }

    #[tokio::test]
    async fn what_is_stopped_ends_as_it_was_told() {
        let (held, slots) = (Held::default(), Arc::new(Semaphore::new(1)));
        let id = JobId::new(Shard(0));
        let token = held.add(id, 3, slots.acquire_owned().await.unwrap(), false);
        let run = tokio::spawn(std::future::pending::<()>());
        assert!(held.started(id, 3, run.abort_handle(), Limits::default()) && held.ids() == [id]);
        held.stop(id, 2, Stop::HandBack);
        assert!(!token.is_cancelled(), "another claim of it was meant");
        held.stop_all(&Stop::HandBack);
        let cancelled = Stop::End { status: Status::Cancelled, error: String::new() };
        held.stop_any(id, cancelled.clone());
        held.stop(id, 3, Stop::End { status: Status::TimedOut, error: String::new() });
        assert!(token.is_cancelled());
        assert_eq!(held.patrol(|_| Step::Abort).0.len(), 0);
        assert!(run.await.unwrap_err().is_cancelled());
        let (ends, stuck) = held.patrol(|_| Step::GiveUp);
        assert_eq!((ends[0].status, ends[0].lease, stuck), (Status::Cancelled, 3, true));
        assert_eq!(held.end(id, 3), Ended::Before);
        assert!(!held.started(id, 3, tokio::spawn(async {}).abort_handle(), Limits::default()));
    }
}
