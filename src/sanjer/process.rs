//! A sanjer: the process that claims jobs and runs them.
//!
//! Two sets of threads. The jobs run on a runtime of their own, under an apalis worker. Everything that keeps the
//! sanjer alive in the eyes of others (claims, writes, heartbeats, orders) runs on one more thread, so that no job
//! can starve it, however it spins or blocks.

use std::{
    collections::BTreeSet,
    future::pending,
    io::BufRead,
    panic::{AssertUnwindSafe, catch_unwind},
    process::exit,
    sync::Arc,
    time::Duration,
};

use apalis::prelude::{Data, WorkerBuilder};
use tokio::{
    runtime,
    sync::{Notify, OnceCell, Semaphore, mpsc},
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    EXIT_GAVE_UP,
    attempt::Runner,
    orders::{self, Orders, Start, Word},
    submission::Submission,
    vitals::{Asked, Standing, Vitals},
    warden::{self, Usage},
};
use crate::{
    broker::Broker,
    config::Config,
    job::Status,
    outbound,
    platform::{Network, Registry, Rooms, STANDING},
    queue::{Backoff, Bells, ClaimedJobs, Claimer, Declared, Finish, Held, Lane, Queue, Stop, Ticket, Writer, listen},
    secret::Sealer,
    watch::{Tally, Watch},
};

/// Reports that may wait to be written; then the jobs wait.
const REPORTS: usize = 256;

/// How long a dying process tries to hand its jobs back before it leaves that to the lease.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long a run may take to come to a stop, and to say where it is, before its job is handed back without it.
const YIELD: Duration = Duration::from_secs(2);

/// Runs a sanjer until it is told to end. Only start-up can fail; afterwards the process exits by itself.
pub fn run(start: Start, orders: impl BufRead + Send + 'static) -> anyhow::Result<()> {
    let orders = orders::follow(orders)?;
    let name = orders::name(&orders::host(), std::process::id(), start.started_at);
    let config = &start.config;
    let (reports_in, reports) = mpsc::channel(REPORTS);
    let (finishes_in, finishes) = mpsc::channel(start.slots.into());
    let (claims_in, claims) = mpsc::channel(1);
    let (registry, sealer, queue) = (Arc::new(Registry::load()?), Sealer::load(&config.key_file())?, Arc::default());
    let twins = Arc::new(Submission {
        queue: Arc::clone(&queue),
        registry: registry.clone(),
        sealer: sealer.clone(),
        config: config.clone(),
        jobs: OnceCell::new(),
    });
    let runner = Runner {
        registry,
        sealer,
        rooms: Rooms::default().with(twins.door()).with(twins.all_jobs()),
        twins,
        network: Network { allow_public: config.network.allow_public },
        http: outbound::Client::new(&config.network),
        max_result: config.jobs.max_result.0,
        held: Held::default(),
        reports: reports_in,
        finishes: finishes_in,
        queue,
        cancel_grace: (config.sanjers.cancel_grace.0, config.sanjers.max_cancel_grace.0),
        max_checkpoint: config.jobs.max_checkpoint.0,
    };
    let (held, own_finishes, known_queue) = (runner.held.clone(), runner.finishes.clone(), runner.queue.clone());
    let io = runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("lifeline".into()).spawn(move || {
        let life = async move {
            let Some(broker) = connect(&start.config, &orders).await else { return EXIT_GAVE_UP };
            let queue = known_queue.get_or_init(|| Queue::new(broker, &start.config)).clone();
            let tally = Tally::default();
            let writer = Writer::new(queue.clone(), name.clone(), held.clone(), tally.clone(), reports, finishes);
            let standing = Standing::new(start.lane, orders.clone());
            let life = Lifeline { queue, name, held, finishes: own_finishes, start, orders, standing, tally };
            life.run(claims_in, writer).await
        };
        // Whatever happens here ends the process: without its lifeline it would neither be believed alive nor end.
        let code = catch_unwind(AssertUnwindSafe(|| io.block_on(life))).unwrap_or(EXIT_GAVE_UP);
        Word::Leaving.say();
        exit(code);
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
    while !ended.is_cancelled() && !orders.retire.is_cancelled() {
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
    start: Start,
    orders: Orders,
    standing: Standing,
    tally: Tally,
}

/// Why a sanjer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was told to.
    Told,
    /// All it had to do is done.
    Done,
    /// Others have its jobs.
    DeclaredDead,
    /// Its supervisor is gone.
    Orphaned,
    /// A run does not yield.
    Stuck,
}

impl Lifeline {
    /// Returns the exit code.
    async fn run(self, claims: mpsc::Sender<Vec<Ticket>>, writer: Writer) -> i32 {
        let Start { config, pool, slots, lane, .. } = &self.start;
        let stop = self.orders.drain.child_token();
        let serve = self.orders.serve.clone();
        let (wake, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
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
            shares: || Word::Shares.say(),
            quiet: self.standing.quiet(),
            tally: self.tally.clone(),
            stop: stop.clone(),
        };
        let until_serving = until_either(&serve, &stop);
        let bells = Bells { sanjer: self.name.clone(), wake, told: told.clone() };
        let for_life = CancellationToken::new();
        tokio::spawn(listen(self.queue.clone(), *lane, pool.clone(), bells, until_serving.clone(), for_life));
        tokio::spawn(writer.run());
        let (told_all, telling) = (CancellationToken::new(), self.vitals());
        let telling = tokio::spawn(telling.tell(told_all.clone()));
        let mut claims = tokio::spawn(claimer.run(*lane, until_serving));
        info!(pool, lane = lane.as_str(), slots, "sanjer is up");

        // Both go on while it drains: until the last job has ended it must be believed alive, and limits hold.
        let (heartbeat, warden) = (self.heartbeat(&told), self.watch());
        tokio::pin!(heartbeat, warden);
        let standing = self.standing.clone();
        tokio::spawn(async move { standing.serve_aloud().await });
        let retire = async {
            self.orders.retire.cancelled().await;
            info!("retiring: what runs may end, nothing new is taken");
            stop.cancel();
            self.yield_standing();
            self.held.emptied().await;
        };
        let end = tokio::select! {
            () = &mut heartbeat => End::DeclaredDead,
            Ok(Declared::Dead) = &mut claims => End::DeclaredDead,
            () = self.orders.drain.cancelled() => End::Told,
            () = self.orders.orphaned.cancelled() => End::Orphaned,
            () = &mut warden => End::Stuck,
            () = retire => End::Done,
        };
        if end == End::DeclaredDead {
            error!("declared dead: others run what this sanjer held; ending");
        }
        info!(reason = ?end, "sanjer is ending");
        stop.cancel();
        let ending = async {
            // A claim under way is still taken in, so that its jobs are handed back with the others.
            if !claims.is_finished() && timeout(LAST_WORDS, claims).await.is_err() {
                warn!("a claim is still under way; what it takes returns by the lease");
            }
            let in_a_hurry = matches!(end, End::Orphaned | End::DeclaredDead);
            self.drain(if in_a_hurry { Duration::ZERO } else { config.sanjers.stop_grace.0 }).await;
            told_all.cancel();
            timeout(LAST_WORDS, telling).await.ok();
        };
        let living = async {
            match end {
                End::Told => drop(tokio::join!(heartbeat, warden)),
                End::Stuck => heartbeat.await,
                End::Done | End::DeclaredDead | End::Orphaned => pending().await,
            }
        };
        tokio::select! {
            () = ending => {}
            () = living => {}
        }
        if matches!(end, End::Told | End::Done) { 0 } else { EXIT_GAVE_UP }
    }

    /// Renews the lease in every shard and hears what shall stop; ends when the sanjer is declared dead.
    async fn heartbeat(&self, told: &Notify) {
        let mut tick = interval(self.start.config.queue.lease.0 / 3);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut asked, mut introduced) = (Asked::default(), None);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = told.notified() => {}
            }
            // Behind a new connection there may be a Redis that has forgotten who this is.
            let connected = Some(self.queue.broker().connected());
            let fields = if introduced == connected { Vec::new() } else { self.introduction() };
            let mut all = true;
            for shard in self.queue.shards() {
                match self.queue.heartbeat(shard, &self.name, &fields).await {
                    Ok(Some(heard)) => {
                        heard.asked.into_iter().for_each(|new| asked.hear(new, &self.standing));
                        for id in heard.stops {
                            self.held.stop_any(id, Stop::End { status: Status::Cancelled, error: String::new() });
                        }
                    }
                    Ok(None) => {
                        return;
                    }
                    Err(error) => {
                        warn!(error = %error, "cannot renew the lease; will keep trying");
                        all = false;
                        tick.reset_after(Duration::from_secs(1).min(tick.period()));
                    }
                }
            }
            if all {
                if introduced.is_none() {
                    Word::Ready.say();
                }
                introduced = connected;
            }
        }
    }

    fn introduction(&self) -> Vec<(&'static str, String)> {
        let Start { pool, slots, .. } = &self.start;
        vec![
            ("pool", pool.clone()),
            ("lane", self.standing.lane().as_str().into()),
            ("state", self.standing.state().as_str().into()),
            ("slots", slots.to_string()),
            ("host", orders::host()),
            ("pid", std::process::id().to_string()),
            ("started_at", format!("{:.3}", jiff::Timestamp::now())),
            ("version", env!("CARGO_PKG_VERSION").into()),
        ]
    }

    /// What tells how it is.
    fn vitals(&self) -> Vitals {
        // It only writes: which pools there are does not matter.
        let watch = Watch::new(self.queue.clone(), BTreeSet::new());
        let (name, pool) = (self.name.clone(), self.start.pool.clone());
        Vitals { watch, name, pool, standing: self.standing.clone(), tally: self.tally.clone() }
    }

    /// Keeps runs within their limits; ends when one of them will not yield. Says when the process has run enough.
    async fn watch(&self) {
        let (max_jobs, max_rss) = (self.start.config.sanjers.max_jobs, self.start.config.sanjers.max_rss.0);
        let mut is_worn = false;
        let round = |usage: Usage| {
            let now_worn = max_jobs > 0 && self.held.taken() >= max_jobs || max_rss > 0 && usage.rss > max_rss;
            if now_worn && !is_worn {
                info!(
                    jobs = self.held.taken(),
                    rss_bytes = usage.rss,
                    "has run enough; another one shall take its place"
                );
                Word::Worn.say();
                is_worn = true;
            }
        };
        warden::watch(self.held.clone(), self.finishes.clone(), max_rss > 0, round).await;
        error!("a job will not stop; ending its process");
    }

    /// Jobs that never end by themselves stop at once and go on elsewhere.
    fn yield_standing(&self) {
        if self.start.pool == STANDING {
            self.held.stop_all(&Stop::HandBack);
        }
    }

    /// Lets running jobs end for `grace`, hands the rest back, and waits until all of it is written.
    async fn drain(&self, grace: Duration) {
        self.yield_standing();
        if timeout(grace, self.held.emptied()).await.is_ok() {
            return;
        }
        warn!(jobs = self.held.ids().len(), "handing back jobs that did not end in time");
        self.held.stop_all(&Stop::HandBack);
        if timeout(YIELD, self.held.emptied()).await.is_ok() {
            return;
        }
        let hand_back = async {
            for (id, lease) in self.held.end_all() {
                if self.finishes.send(Stop::HandBack.finish(id, lease)).await.is_err() {
                    return;
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
