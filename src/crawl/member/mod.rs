//! One member of a crawl: it owns parts of the id space, asks the nodes in them, and writes down what they say.
//!
//! In: bootnodes and a [`Plan`]. Out: changes in the store, progress of the job. All members of a crawl are alike; what
//! they know of each other is in the store alone.
//! Invariants: a node is asked and written by the owner of its part alone; what a member was told of others' nodes goes to
//! their owners; nothing is asked while too much waits to be written.

mod beat;
mod epoch;
mod note;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use ahash::HashMap;
use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tracing::warn;

use super::{
    address::Reach,
    ask::{Done, ask},
    delegator::{Delegator, Item},
    ingestor::Moment,
    metrics::Meter,
    mirror::Mirror,
    part::Part,
    plan::Plan,
    store::{Standing, State, Store, part_of},
};
use crate::{
    discv5::{AskError, Client, NodeId, Record},
    platform::{Context, Failure, Result},
};

/// How often a member says how far it is.
const SAY: Duration = Duration::from_millis(500);
/// How often it says how long it has taken.
const SAVE: Duration = Duration::from_secs(2);
/// How often it writes, and looks at what others wrote.
const BEAT: Duration = Duration::from_millis(250);
/// How long to wait before joining is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Changes that may wait to be written before nobody is asked any more.
const MAX_BACKLOG: usize = 4_000;

/// Why a crawl ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its last epoch is over.
    Over,
    /// Time was up.
    TimeUp,
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn stopped() -> Failure {
    Failure::transient("stopped", "the crawl was stopped before its end")
}

/// Where a run of the job was: the store has all the rest.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    took_ms: u64,
}

/// One member.
pub(super) struct Member<'a> {
    job: &'a Context,
    plan: &'a Plan,
    reach: Reach,
    bootnodes: Vec<Record>,
    client: Client,
    store: Store,
    /// A name that nobody else has.
    name: String,
    /// What names the crawl: the job that began it, or shall, and its attempt.
    root: String,
    parts: BTreeMap<u8, Part>,
    /// Parts that it wants to give back.
    giving: Vec<u8>,
    work: Delegator,
    mirror: Option<Mirror>,
    flights: JoinSet<Result<Done, AskError>>,
    meter: Meter,
    /// What the store said last, and when.
    standing: Standing,
    stood: Instant,
    joined: Option<Instant>,
    /// The last epoch that this member takes part in; 0 if it goes on for ever.
    last: u64,
    /// The epoch that its parts are in.
    epoch: u64,
    /// Records that the owners of other parts were told of, by their numbers; and since when.
    told: HashMap<NodeId, u64>,
    told_since: Instant,
    /// How long earlier runs of the job took, and since when this one has.
    before: Duration,
    start: Instant,
    /// The last epoch whose counts were told.
    said_of: u64,
    /// Items that were not answered, how many times: they are asked for once more.
    doubted: HashMap<Item, u8>,
    /// Items done in this epoch.
    done: u64,
    /// Nodes in its parts that had answered in this epoch before it got them.
    pub(super) resumed: u64,
    /// Whether there were more nodes than are followed.
    pub(super) overflowed: bool,
    /// Whether the last call to the store failed.
    is_cut_off: bool,
}

impl<'a> Member<'a> {
    /// Joins the crawl.
    pub(super) async fn join(
        job: &'a Context,
        plan: &'a Plan,
        reach: Reach,
        bootnodes: Vec<Record>,
        client: Client,
        store: Store,
        mirror: Option<Mirror>,
    ) -> Result<Self> {
        let mut member = Self {
            job,
            plan,
            reach,
            bootnodes,
            client,
            store,
            name: format!("{}:{}", job.id(), job.lease()),
            // An attempt after a failure is another crawl; a run after a crash goes on with the one there is.
            root: plan.root.clone().unwrap_or_else(|| format!("{}:{}", job.id(), job.attempt())),
            parts: BTreeMap::new(),
            giving: Vec::new(),
            work: Delegator::default(),
            mirror,
            flights: JoinSet::new(),
            meter: Meter::new(),
            standing: Standing::default(),
            stood: Instant::now(),
            joined: None,
            last: 0,
            epoch: 0,
            told: HashMap::default(),
            told_since: Instant::now(),
            said_of: 0,
            before: Duration::from_millis(job.resume::<Saved>().map_or(0, |saved| saved.took_ms)),
            start: Instant::now(),
            doubted: HashMap::default(),
            done: 0,
            resumed: 0,
            overflowed: false,
            is_cut_off: false,
        };
        // Without Redis nobody crawls; but a crawl without end shall not end because of a minute without it.
        while let Err(error) = member.stand().await {
            warn!(%error, "the crawl cannot be joined; will keep trying");
            tokio::select! {
                () = job.cancelled().cancelled() => return Err(stopped()),
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
        member.last = match (member.standing.is_ours, plan.epochs) {
            (true, _) => member.standing.last,
            (false, 0) => 0,
            (false, epochs) => member.standing.epoch + epochs - 1,
        };
        Ok(member)
    }

    /// Crawls until the last epoch is over, time is up, or the job is told to stop.
    pub(super) async fn run(&mut self) -> Result<End> {
        if self.plan.root.is_some() && !self.standing.is_ours {
            // The crawl that it was to help with is long over.
            return Ok(End::Over);
        }
        let most = (self.plan.epochs > 0).then(|| self.plan.max_duration.saturating_sub(self.before));
        let time_up = async {
            match most {
                Some(most) => tokio::time::sleep(most).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(time_up);
        let (mut beat, mut say, mut save) = (interval(BEAT), interval(SAY), interval(SAVE));
        for ticks in [&mut beat, &mut say, &mut save] {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let end = loop {
            self.hand_out();
            if self.is_idle() {
                // Nothing to wait for but the others.
                if self.beat().await? {
                    break End::Over;
                }
                beat.reset();
            }
            let due = self.next_due();
            tokio::select! {
                // Stopping comes first: a flood of answers must not delay it.
                biased;
                () = self.job.cancelled().cancelled() => {
                    self.leave().await;
                    return Err(stopped());
                }
                () = &mut time_up => break End::TimeUp,
                _ = say.tick() => self.say().await,
                _ = save.tick() => self.job.checkpoint(&Saved { took_ms: milliseconds(self.took()) }).await?,
                _ = beat.tick() => if self.beat().await? { break End::Over },
                Some(done) = self.flights.join_next(), if !self.flights.is_empty() => {
                    let done = done.map_err(|error| Failure::fatal("crawl_task", error.to_string()))?;
                    let done = done.map_err(|error| Failure::transient("discovery_stopped", error.to_string()))?;
                    self.note(done);
                }
                () = tokio::time::sleep(due), if !self.work.is_empty() && self.flights.len() < self.plan.concurrency => {}
            }
        };
        self.flights.abort_all();
        Ok(end)
    }

    /// The name of the crawl, if the job that this is began it and may want helpers.
    pub(super) fn leads(&self) -> Option<&str> {
        (self.plan.root.is_none() && self.standing.is_ours).then_some(self.root.as_str())
    }

    /// How long the crawl has taken, all runs of the job together.
    pub(super) fn took(&self) -> Duration {
        self.before + self.start.elapsed()
    }

    /// Questions of this run that were answered.
    pub(super) fn answered(&self) -> u64 {
        self.meter.answered()
    }

    /// Keeps as many nodes being asked as may be.
    fn hand_out(&mut self) {
        if self.parts.values().map(Part::backlog).sum::<usize>() > MAX_BACKLOG {
            return;
        }
        let now = self.clock();
        while self.flights.len() < self.plan.concurrency {
            let (parts, reach) = (&self.parts, self.reach);
            // In public one at a time each: clients ban an address, not a node, for asking much.
            let entry = |id: &NodeId| parts.get(&part_of(*id))?.get(*id);
            let alone = |id: &NodeId| match reach {
                Reach::Public => Some(reach.of(entry(id)?)?.ip()),
                Reach::Loopback => None,
            };
            let Some(item) = self.work.next(now, alone) else { return };
            let known = entry(&item.1).and_then(|entry| Some((entry.best().clone(), reach.of(entry)?)));
            let Some((record, address)) = known else {
                // Not ours any more, or nowhere that we go.
                self.work.done(item, None);
                self.nowhere(item.1);
                continue;
            };
            self.meter.began(item.0);
            self.flights.spawn(ask(self.client.clone(), item, record, address));
        }
    }

    /// Whether there is nothing to do in this epoch any more.
    fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.work.is_empty()
    }

    /// How long until the next work is due.
    fn next_due(&self) -> Duration {
        let now = self.clock();
        let due = self.work.due().map_or(BEAT, |due| Duration::from_millis(due.saturating_sub(now)));
        due.clamp(Duration::from_millis(1), BEAT)
    }

    /// Redis' clock, and the epoch.
    fn now(&self) -> Moment {
        Moment { at: self.standing.now + milliseconds(self.stood.elapsed()), epoch: self.epoch }
    }

    /// By which work is due (ms): Redis' clock may be set back, and nothing shall wait for it to catch up.
    fn clock(&self) -> u64 {
        milliseconds(self.start.elapsed())
    }

    /// The address that an item has for itself, if addresses are asked one at a time.
    fn alone(&self, address: IpAddr) -> Option<IpAddr> {
        (self.reach == Reach::Public).then_some(address)
    }
}
