//! A sanjer: the process that claims jobs and runs them.
//!
//! Two sets of threads. The jobs run on a runtime of their own, under an apalis worker. Everything that keeps the
//! sanjer alive in the eyes of others (claims, writes, heartbeats, orders) runs on one more thread, so that no job
//! can starve it, however it spins or blocks.

use std::{
    io::BufRead,
    panic::{AssertUnwindSafe, catch_unwind},
    process::exit,
    sync::Arc,
    time::Duration,
};

use apalis::prelude::{Data, WorkerBuilder};
use tokio::{
    runtime,
    sync::{Notify, Semaphore, mpsc},
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    EXIT_GAVE_UP,
    attempt::Runner,
    orders::{self, Orders, Start},
};
use crate::{
    broker::Broker,
    config::Config,
    job::Status,
    platform::{Network, Registry},
    queue::{Backoff, ClaimedJobs, Claimer, Declared, Finish, Held, Lane, Queue, Ticket, Writer, listen},
    secret::Sealer,
};

/// Reports that may wait to be written; then the jobs wait.
const REPORTS: usize = 256;

/// How long a dying process tries to hand its jobs back before it leaves that to the lease.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs a sanjer until it is told to end. Only start-up can fail; afterwards the process exits by itself.
pub fn run(start: Start, orders: impl BufRead + Send + 'static) -> anyhow::Result<()> {
    let orders = orders::follow(orders)?;
    let name = orders::name(&orders::host(), std::process::id(), start.started_at);
    let config = &start.config;
    let (reports_in, reports) = mpsc::channel(REPORTS);
    let (finishes_in, finishes) = mpsc::channel(start.slots.into());
    let (claims_in, claims) = mpsc::channel(1);
    let runner = Runner {
        registry: Arc::new(Registry::load()?),
        sealer: Sealer::load(&config.key_file())?,
        network: Network { allow_public: config.network.allow_public },
        max_result: config.jobs.max_result.0,
        held: Held::default(),
        reports: reports_in,
        finishes: finishes_in,
        stuck: CancellationToken::new(),
    };
    let held = runner.held.clone();
    let (own_finishes, stuck) = (runner.finishes.clone(), runner.stuck.clone());
    let io = runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("lifeline".into()).spawn(move || {
        let life = async move {
            let Some(broker) = connect(&start.config, &orders).await else { return EXIT_GAVE_UP };
            let queue = Queue::new(broker, &start.config);
            let writer = Writer::new(queue.clone(), name.clone(), held.clone(), reports, finishes);
            Lifeline { queue, name, held, finishes: own_finishes, stuck, start, orders }.run(claims_in, writer).await
        };
        // Whatever happens here ends the process: without its lifeline it would neither be believed alive nor end.
        exit(catch_unwind(AssertUnwindSafe(|| io.block_on(life))).unwrap_or(EXIT_GAVE_UP));
    })?;

    let jobs = runtime::Builder::new_multi_thread().enable_all().thread_name("jobs").build()?;
    // Spawned: on this thread, outside the runtime's own, every job would cost two wake-ups across threads.
    let worked = jobs.block_on(jobs.spawn(async move {
        let worker = WorkerBuilder::new("sanjer")
            .backend(ClaimedJobs::new(claims))
            .data(Arc::new(runner))
            .build(|ticket: Ticket, runner: Data<Arc<Runner>>| runner.0.run(ticket));
        worker.run().await
    }));
    match worked {
        Ok(Ok(())) => {}
        Ok(Err(error)) => error!(error = %error, "the worker ended"),
        Err(error) => error!(error = %error, "the worker broke"),
    }
    // The lifeline's thread writes what is left and then ends the process.
    loop {
        std::thread::park();
    }
}

/// The connection to Redis: a sanjer that starts while Redis is away waits for it until it is told to end.
async fn connect(config: &Config, orders: &Orders) -> Option<Broker> {
    let ended = until_either(&orders.drain, &orders.orphaned);
    let mut backoff = Backoff::default();
    while !ended.is_cancelled() {
        match Broker::connect(&config.redis).await {
            Ok(broker) => return Some(broker),
            Err(error) => warn!(error = %error, "cannot connect; will keep trying"),
        }
        backoff.wait(&ended).await;
    }
    None
}

/// What keeps a sanjer alive in the eyes of others.
struct Lifeline {
    queue: Queue,
    name: String,
    held: Held,
    finishes: mpsc::Sender<Finish>,
    stuck: CancellationToken,
    start: Start,
    orders: Orders,
}

impl Lifeline {
    /// Returns the exit code.
    async fn run(self, claims: mpsc::Sender<Vec<Ticket>>, writer: Writer) -> i32 {
        let Start { config, pool, slots, lane, .. } = &self.start;
        let stop = self.orders.drain.child_token();
        let serve = self.orders.serve.clone();
        let wake = Arc::new(Notify::new());
        let claimer = Claimer {
            queue: self.queue.clone(),
            sanjer: self.name.clone(),
            pool: pool.clone(),
            slots: usize::from(*slots),
            free: Arc::new(Semaphore::new(if *lane == Lane::Alone { 1 } else { usize::from(*slots) })),
            held: self.held.clone(),
            wake: wake.clone(),
            claims,
            safety_poll: config.queue.safety_poll.0,
            lease: config.queue.lease.0,
            stop: stop.clone(),
        };
        let until_serving = until_either(&serve, &stop);
        tokio::spawn(listen(self.queue.clone(), *lane, pool.clone(), wake, until_serving.clone(), stop.clone()));
        tokio::spawn(writer.run());
        let mut claims = tokio::spawn(claimer.run(*lane, until_serving));
        info!(pool, lane = lane.as_str(), slots, "sanjer is up");

        let code = tokio::select! {
            () = self.heartbeat() => EXIT_GAVE_UP,
            Ok(Declared::Dead) = &mut claims => EXIT_GAVE_UP,
            () = self.orders.drain.cancelled() => 0,
            () = self.orders.orphaned.cancelled() => { warn!("the supervisor is gone; ending"); EXIT_GAVE_UP }
            () = self.stuck.cancelled() => { error!("a job will not stop; ending its process"); EXIT_GAVE_UP }
        };
        stop.cancel();
        // A claim under way is still taken in, so that its jobs are handed back with the others.
        if !claims.is_finished() && timeout(LAST_WORDS, claims).await.is_err() {
            warn!("a claim is still under way; what it takes returns by the lease");
        }
        let grace = if self.orders.orphaned.is_cancelled() { Duration::ZERO } else { config.sanjers.stop_grace.0 };
        self.drain(grace).await;
        code
    }

    /// Renews the lease in every shard; ends when the sanjer is declared dead.
    async fn heartbeat(&self) {
        let mut tick = interval(self.start.config.queue.lease.0 / 3);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let introduction = self.introduction();
        let mut introduced = false;
        loop {
            tick.tick().await;
            let fields = if introduced { &[][..] } else { &introduction };
            let mut all = true;
            for shard in self.queue.shards() {
                match self.queue.heartbeat(shard, &self.name, fields).await {
                    Ok(true) => {}
                    Ok(false) => {
                        error!("declared dead: others run what this sanjer held; ending");
                        return;
                    }
                    Err(error) => {
                        warn!(error = %error, "cannot renew the lease; will keep trying");
                        all = false;
                        tick.reset_after(Duration::from_secs(1).min(tick.period()));
                    }
                }
            }
            introduced |= all;
        }
    }

    fn introduction(&self) -> Vec<(&'static str, String)> {
        let Start { pool, slots, lane, .. } = &self.start;
        vec![
            ("pool", pool.clone()),
            ("lane", lane.as_str().into()),
            ("slots", slots.to_string()),
            ("host", orders::host()),
            ("pid", std::process::id().to_string()),
            ("started_at", format!("{:.3}", jiff::Timestamp::now())),
            ("version", env!("CARGO_PKG_VERSION").into()),
        ]
    }

    /// Lets running jobs end for `grace`, hands the rest back, and waits until all of it is written.
    async fn drain(&self, grace: Duration) {
        if timeout(grace, self.held.emptied()).await.is_ok() {
            return;
        }
        let left = self.held.all();
        warn!(jobs = left.len(), "handing back jobs that did not end in time");
        let hand_back = async {
            for (id, lease) in left {
                // First the right to say how it ended: a run that obeys its token must not pass for one that succeeded.
                let is_ours = self.held.end(id, lease);
                self.held.cancel(id, lease);
                if is_ours {
                    let back = Finish { id, lease, status: Status::Queued, json: String::new(), delay_ms: 0 };
                    if self.finishes.send(back).await.is_err() {
                        return;
                    }
                }
            }
            self.held.emptied().await;
        };
        if timeout(LAST_WORDS, hand_back).await.is_err() {
            error!("redis did not take the hand-back; it will happen by the supervisor or by the lease");
        }
    }
}

/// A token that ends with the first of two.
fn until_either(a: &CancellationToken, b: &CancellationToken) -> CancellationToken {
    let either = b.child_token();
    let (first, ended) = (a.clone(), either.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = first.cancelled() => ended.cancel(),
            () = ended.cancelled() => {}
        }
    });
    either
}
