//! One pool of one host: its processes, one warm spare, and what happens when one of them dies.
//!
//! The spare is a whole process that has connected and waits; while it waits it runs suspects, alone. When a serving
//! process dies, the spare serves in its place at once, and a new spare is started.

use std::{collections::HashMap, io, time::Duration};

use rustix::process::Signal;
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use super::{
    certificate::oom_kills,
    child::{Child, Death, News, Program, Stage},
    orders::{DRAIN, RETIRE, SERVE, Start, Word},
    supervisor::{Order, Roster},
    undertaker::Undertaker,
};
use crate::{
    config::{Config, PoolSize},
    queue::{Blame, Lane},
};

/// A process that lived at least this long did not die of its start: its replacement starts at once.
const HEALTHY: Duration = Duration::from_secs(10);
/// The longest pause before a replacement that keeps dying is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How much longer than its own grace a draining process may take before it is killed.
const KILL_MARGIN: Duration = Duration::from_secs(15);
/// The shortest pause after a start that failed.
const START_AGAIN: Duration = Duration::from_millis(500);

/// A pool as its supervisor runs it.
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) size: PoolSize,
    pub(super) config: Config,
    pub(super) program: Program,
    pub(super) roster: Roster,
    pub(super) orders: broadcast::Receiver<Order>,
    pub(super) undertaker: Undertaker,
    pub(super) stop: CancellationToken,
    /// Hand-backs under way; they outlive the pool until Redis has taken them.
    pub(super) hand_backs: TaskTracker,
    pub(super) living: HashMap<u32, Child>,
}

impl Pool {
    /// Keeps the pool at its size until told to stop; then drains it.
    pub(super) async fn run(mut self) {
        let (news_in, mut news) = mpsc::channel(8);
        let mut quick_deaths = 0;
        let mut oom_seen = oom_kills();
        // When to start what is missing. Deaths before then are seen to at once: their jobs wait for nothing.
        let mut refill_at = Some(Instant::now());
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(news) = news.recv() => match news {
                    News::Said { pid, word } => self.hear(pid, word),
                    News::Died { pid, mut death } => {
                        let Some(dead) = self.living.remove(&pid) else { continue };
                        self.roster.remove(&dead.name);
                        let quick = dead.started.elapsed() < HEALTHY && !death.left;
                        quick_deaths = if quick { quick_deaths + 1 } else { 0 };
                        let oom = oom_kills();
                        death.certificate.oom = oom > oom_seen && death.certificate.signal == Some(Signal::KILL.as_raw());
                        oom_seen = oom;
                        if dead.lane == Lane::Queue && dead.stage != Stage::Retiring {
                            self.promote_spare().await;
                        }
                        self.bury(&dead, *death);
                        refill_at = Some(Instant::now() + self.pause(quick_deaths));
                    }
                },
                Ok(order) = self.orders.recv() => self.obey(order),
                () = sleep_until(refill_at.unwrap_or_else(Instant::now)), if refill_at.is_some() => {
                    refill_at = None;
                    if let Err(error) = self.refill(&news_in).await {
                        error!(pool = self.name, error = %error, "cannot start a sanjer; will keep trying");
                        quick_deaths += 1;
                        refill_at = Some(Instant::now() + self.pause(quick_deaths).max(START_AGAIN));
                    }
                }
            }
            if self.roll().await {
                refill_at.get_or_insert_with(Instant::now);
            }
        }
        self.drain(news).await;
    }

    fn hear(&mut self, pid: u32, word: Word) {
        let Some(child) = self.living.get_mut(&pid) else { return };
        match word {
            Word::Ready => child.stage = child.stage.max(Stage::Up),
            Word::Shares => child.shares = true,
            Word::Worn => child.outdated = true,
            Word::Leaving => {}
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Reload => {
                self.program.renew();
                self.living.values_mut().for_each(|child| child.outdated = true);
            }
            Order::Condemn(name) => {
                if let Some(child) = self.named(&name) {
                    warn!(sanjer = name, "killing a sanjer that others have declared dead");
                    child.signal(Signal::KILL, "it did not renew its lease");
                }
            }
            Order::Overdue(name) => {
                if let Some(child) = self.named(&name) {
                    // First asked, a round later made.
                    let signal = if child.killed_because.is_none() { Signal::TERM } else { Signal::KILL };
                    warn!(sanjer = name, ?signal, "a sanjer has not stopped a job that it had to stop");
                    child.signal(signal, "it did not stop a job in time");
                }
            }
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut Child> {
        self.living.values_mut().find(|child| child.name == name)
    }

    /// Starts what is missing: serving processes first, then the spare.
    async fn refill(&mut self, news: &mpsc::Sender<News>) -> io::Result<()> {
        let count =
            |lane| self.living.values().filter(|child| child.lane == lane && child.stage != Stage::Retiring).count();
        let missing =
            std::iter::repeat_n(Lane::Queue, usize::from(self.size.processes).saturating_sub(count(Lane::Queue)))
                .chain(std::iter::repeat_n(Lane::Alone, 1_usize.saturating_sub(count(Lane::Alone))));
        for lane in missing {
            let start = Start {
                config: self.config.clone(),
                pool: self.name.clone(),
                slots: self.size.slots,
                lane,
                started_at: u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0),
            };
            let (pid, child) = Child::spawn(&self.program, &start, news.clone()).await?;
            info!(sanjer = child.name, pool = self.name, lane = lane.as_str(), "started a sanjer");
            self.roster.insert(child.name.clone());
            self.living.insert(pid, child);
        }
        Ok(())
    }

    /// Replaces what is outdated, one process at a time and without a gap: a fresh spare takes its place, it retires,
    /// and when it has gone the next one does. Returns whether one has been told to go.
    async fn roll(&mut self) -> bool {
        if self.living.values().any(|child| child.stage == Stage::Retiring) {
            return false;
        }
        let is_spare = |child: &Child| child.lane == Lane::Alone;
        let outdated_serving = self.living.values().any(|child| child.outdated && !is_spare(child));
        let fresh_spare =
            self.living.values_mut().find(|child| is_spare(child) && child.stage == Stage::Up && !child.outdated);
        let spare_serves = match fresh_spare {
            Some(spare) if outdated_serving => {
                spare.tell(SERVE).await;
                spare.lane = Lane::Queue;
                info!(sanjer = spare.name, "the spare serves in the place of one that retires");
                true
            }
            Some(_) => return false,
            None => false,
        };
        // Without a fresh spare, the outdated one goes first: a fresh one comes in its place.
        let goes = |child: &&mut Child| child.outdated && is_spare(child) != spare_serves;
        let Some(child) = self.living.values_mut().find(goes) else { return false };
        child.tell(RETIRE).await;
        child.stage = Stage::Retiring;
        info!(sanjer = child.name, pool = self.name, "a sanjer retires");
        true
    }

    /// The first replacement starts at once; one that keeps dying waits longer each time.
    fn pause(&self, quick_deaths: u32) -> Duration {
        if quick_deaths < 2 {
            return Duration::ZERO;
        }
        let pause = Duration::from_millis(250).saturating_mul(1 << quick_deaths.min(10)).min(LONGEST_PAUSE);
        warn!(pool = self.name, deaths = quick_deaths, pause_ms = pause.as_millis(), "sanjers keep dying");
        pause
    }

    /// A spare serves in the place of a dead process: one that has started, if there is a choice.
    async fn promote_spare(&mut self) {
        let spares =
            self.living.values_mut().filter(|child| child.lane == Lane::Alone && child.stage != Stage::Retiring);
        if let Some(spare) = spares.max_by_key(|child| child.stage) {
            spare.tell(SERVE).await;
            spare.lane = Lane::Queue;
            info!(sanjer = spare.name, "the spare serves");
        }
    }

    /// Gives back what a dead process held.
    fn bury(&self, dead: &Child, mut death: Death) {
        if death.left {
            info!(sanjer = dead.name, pool = self.name, cause = death.certificate.cause, "a sanjer has ended");
            // It held nothing, if Redis could be reached.
            self.hand_backs.spawn(self.undertaker.clone().hand_back(dead.name.clone()));
            return;
        }
        death.certificate.killed_because = dead.killed_because;
        warn!(sanjer = dead.name, pool = self.name, cause = death.certificate.cause, "a sanjer died");
        // A spare that was told to serve still has a process for itself until it says that it shares.
        let blame = match dead.killed_because {
            Some(_) => Blame::Nobody,
            None if dead.shares => Blame::Suspects,
            None => Blame::Alone,
        };
        self.hand_backs.spawn(self.undertaker.clone().bury(self.name.clone(), death.certificate, blame));
    }

    /// Tells every process to drain, waits for their ends, kills what does not go, and gives back what is left.
    async fn drain(self, mut news: mpsc::Receiver<News>) {
        let Self { mut living, undertaker, hand_backs, config, .. } = self;
        let hand_back = |ended: &Child| drop(hand_backs.spawn(undertaker.clone().hand_back(ended.name.clone())));
        for child in living.values_mut() {
            child.tell(DRAIN).await;
        }
        let all_gone = async {
            while !living.is_empty()
                && let Some(news) = news.recv().await
            {
                if let News::Died { pid, .. } = news
                    && let Some(dead) = living.remove(&pid)
                {
                    hand_back(&dead);
                }
            }
        };
        if timeout(config.sanjers.stop_grace.0 + KILL_MARGIN, all_gone).await.is_ok() {
            return;
        }
        for child in living.values_mut() {
            warn!(sanjer = child.name, "did not drain in time; killing it");
            child.signal(Signal::KILL, "it did not drain in time");
            hand_back(child);
        }
    }
}
