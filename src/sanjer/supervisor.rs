//! The parent of this host's sanjers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::broadcast, task::JoinSet, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use super::{child::Program, janitor, pool::Pool, presence, reaper, undertaker::Undertaker};
use crate::{
    config::{Config, PoolSize},
    job::Jobs,
    platform::Registry,
    queue::{Backoff, Queue},
    requests::{self, Requests},
    secret::Sealer,
    watch::{self, Watch},
};

/// How long a stopping supervisor keeps trying to hand jobs back before it leaves them to the lease.
const LAST_HAND_BACKS: Duration = Duration::from_secs(5);

/// What a supervisor works with. `config.redis.url` must be the one in use: it is what its sanjers connect to.
#[derive(Debug)]
pub struct Host<'a> {
    /// The configuration, which its sanjers get too.
    pub config: &'a Config,
    /// Where jobs wait.
    pub queue: &'a Queue,
    /// What can execute them: knows where secrets stand.
    pub registry: Arc<Registry>,
    /// Opens them, to take them out of what a dying process said.
    pub sealer: Sealer,
}

/// A running supervisor.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    orders: broadcast::Sender<Order>,
    pools: JoinSet<()>,
    hand_backs: TaskTracker,
}

/// What every pool is told; a name that it does not know is another's.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// Replace every process, one by one.
    Reload,
    /// Others have declared it dead: kill it.
    Condemn(String),
    /// It had to stop a job and has not: make it.
    Overdue(String),
}

/// The names of this host's sanjers.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster(Arc<Mutex<BTreeSet<String>>>);

/// Starts the sanjers of `pools` and watches them.
pub fn supervise(host: &Host<'_>, pools: &BTreeMap<String, PoolSize>) -> io::Result<Supervisor> {
    let Host { config, queue, registry, sealer } = host;
    let (stop, hand_backs, roster) = (CancellationToken::new(), TaskTracker::new(), Roster::default());
    let (orders, _) = broadcast::channel(64);
    let program = Program::own()?;
    let watch = Watch::new((*queue).clone(), registry.pools());
    let undertaker = Undertaker {
        queue: (*queue).clone(),
        watch: watch.clone(),
        registry: registry.clone(),
        sealer: sealer.clone(),
    };
    let mut running = JoinSet::new();
    for (name, size) in pools {
        let pool = Pool {
            name: name.clone(),
            size: *size,
            config: (*config).clone(),
            program: program.clone(),
            roster: roster.clone(),
            orders: orders.subscribe(),
            undertaker: undertaker.clone(),
            stop: stop.clone(),
            hand_backs: hand_backs.clone(),
            living: HashMap::new(),
        };
        running.spawn(pool.run());
    }
    let reaper = reaper::Reaper {
        watch: watch.clone(),
        queue: (*queue).clone(),
        lease: config.queue.lease.0,
        roster,
        orders: orders.clone(),
    };
    running.spawn(reaper.run(stop.clone()));
    running.spawn(janitor::run((*queue).clone(), stop.clone()));
    running.spawn(presence::tell(watch.clone(), pools.clone(), config.queue.lease.0, stop.clone()));
    running.spawn(watch::record(watch, stop.clone()));
    let jobs = Jobs::new((*queue).clone(), registry.clone(), sealer.clone(), config);
    running.spawn(sweep(jobs, (*config).clone(), stop.clone()));
    Ok(Supervisor { stop, orders, pools: running, hand_backs })
}

/// Looks after requests until `stop`, as soon as their store can be reached.
async fn sweep(jobs: Jobs, config: Config, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        match Requests::open(jobs.clone(), &config).await {
            Ok(requests) => return requests::sweep(requests, stop).await,
            Err(error) => warn!(%error, "cannot look after requests; will keep trying"),
        }
        backoff.wait(&stop).await;
    }
}

impl Supervisor {
    /// Replaces every sanjer by a fresh one, one by one and without a gap; a new binary in the place of the old one is
    /// picked up.
    pub fn reload(&self) {
        info!("replacing every sanjer");
        // Nobody listens any more only when all pools have ended.
        self.orders.send(Order::Reload).ok();
    }

    /// Drains every sanjer: running jobs get their grace, the rest is handed back.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.pools.join_next().await.is_some() {}
        self.hand_backs.close();
        if timeout(LAST_HAND_BACKS, self.hand_backs.wait()).await.is_err() {
            warn!("redis did not take every hand-back; the rest returns by the lease");
        }
        info!("all sanjers ended");
    }
}

impl Roster {
    pub(super) fn insert(&self, name: String) {
        self.lock().insert(name);
    }

    pub(super) fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
