//! A rehearsal: the collector under load, while its processes are killed and stalled at random.
//!
//! In: a seed and a duration. Out: a verdict on every promise about accepted jobs, and how soon work went on. The
//! collector is the real one, started as its users start it; what happened to the jobs is read from outside, over HTTP
//! and from the events and hashes in Redis. Nothing here knows how the collector does it.
//!
//! - `acts`, `task`: what follows from the seed; `verdict`, `recovery`: what follows from the evidence. No I/O.
//! - `stage`, `host`, `processes`: the processes that are struck; `scene`: what happens to them, and when; `load`: the
//!   posts; `history`: what Redis tells.
//!
//! Invariant: nothing is signalled but what was started here, and no Redis is used that holds anything.

mod acts;
mod evidence;
mod history;
mod host;
mod load;
mod processes;
mod recovery;
mod scene;
mod stage;
mod task;
mod verdict;

use std::{env, fs, io, os::unix::fs::DirBuilderExt as _, path::PathBuf, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub use self::{
    acts::Kind,
    recovery::Recovery,
    verdict::{Broken, Promise, Verdict},
};
use self::{
    evidence::{Evidence, held_back_ms},
    history::Moves,
    load::{Load, now_ms},
    scene::Scene,
    stage::Stage,
    verdict::judge,
};
use crate::{
    broker::{Broker, BrokerError},
    config::Durability,
    job::JobId,
};

/// The time between two questions to Redis.
const LOOK: Duration = Duration::from_millis(200);
/// How long after the load a post may be repeated until it is accepted.
const LAST_POSTS: Duration = Duration::from_secs(30);
/// How long, besides three leases, no job may end before those that are left count as stuck.
const STUCK: Duration = Duration::from_secs(20);
/// How long Redis may take to answer a question about the jobs; it may still be loading its data.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to rehearse.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The same seed means the same acts and tasks.
    pub seed: u64,
    /// How long load and acts go on.
    pub duration: Duration,
    /// The time between two acts, on average.
    pub every: Duration,
    /// Posts a second.
    pub rate: u32,
    /// Hosts, each with a supervisor; the first has the API.
    pub hosts: u16,
    /// How long a sanjer may be silent before its jobs are given to others.
    pub lease: Duration,
    /// What an accepted job shall have survived when its post is answered.
    pub durability: Durability,
    /// An empty Redis to use, instead of a private one that is struck as well.
    pub redis_url: Option<String>,
    /// Whether logs and data stay; they do anyway if a promise was broken.
    pub keep: bool,
}

/// The verdict, and where logs and data lie if they were kept.
#[derive(Debug)]
pub struct Rehearsed {
    /// The verdict.
    pub verdict: Verdict,
    /// Where the logs are.
    pub kept: Option<PathBuf>,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The Redis that was named has keys.
    #[error(
        "this Redis is in use: it holds {keys} keys, {key:?} among them; a rehearsal wants an empty database \
         (without --redis-url it starts a Redis of its own)"
    )]
    InUse {
        /// How many.
        keys: u64,
        /// One of them.
        key: String,
    },
    /// The URL names several servers: each would have to be empty, and there is no telling from one of them.
    #[error("a rehearsal wants one Redis, not Sentinels or a Cluster")]
    Several,
    /// Redis does not answer.
    #[error("redis does not answer: {0}")]
    Redis(#[source] BrokerError),
    /// Files cannot be written.
    #[error("cannot use {}: {source}", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The directory for temporary files lies too deep.
    #[error("{} is too long for a unix socket; set TMPDIR to a shorter directory", .0.display())]
    LongPath(PathBuf),
    /// This program cannot be started once more.
    #[error("cannot start a collector: {source}")]
    Spawn {
        /// Why not.
        source: io::Error,
    },
    /// The collector did not come up.
    #[error("the collector does not come up; its log ends with:\n{log}")]
    NotUp {
        /// The last lines of its log.
        log: String,
    },
    /// There is no such host.
    #[error("there is no such host")]
    NoHost,
    /// No HTTP client.
    #[error("cannot prepare HTTP: {0}")]
    Http(#[source] reqwest::Error),
    /// Processes cannot be seen.
    #[error("there is no /proc here, so the processes to strike cannot be found")]
    NoProc,
    /// The task that reads the events failed.
    #[error("the events were not read: {0}")]
    Follow(#[source] tokio::task::JoinError),
    /// Somebody asked to stop.
    #[error("stopped before the end: nothing was judged")]
    Interrupted,
}

/// Rehearses. `tell` gets a line for everything that happens, with the time since the beginning of the load.
///
/// When this returns, whatever it says, everything that was started has ended.
pub async fn rehearse(
    rehearsal: &Rehearsal,
    stop: &CancellationToken,
    mut tell: impl FnMut(Duration, &str),
) -> Result<Rehearsed, ChaosError> {
    if !processes::visible() {
        return Err(ChaosError::NoProc);
    }
    let dir = Dir::make()?;
    if let Some(url) = &rehearsal.redis_url {
        is_empty(url).await?;
    }
    let mut stage = Stage::new(rehearsal, &dir.path)?;
    let evidence = tokio::select! {
        evidence = gather(rehearsal, &mut stage, &mut tell) => evidence,
        () = stop.cancelled() => Err(ChaosError::Interrupted),
    };
    stage.stop().await;
    let verdict = evidence.map(|mut evidence| {
        evidence.by_itself.extend(stage.panics());
        judge(rehearsal.seed, rehearsal.duration, &evidence)
    });
    let keep = rehearsal.keep || verdict.as_ref().is_ok_and(|verdict| !verdict.broken.is_empty());
    if rehearsal.redis_url.is_some() && !keep {
        history::forget(&stage.broker().await?).await.map_err(ChaosError::Redis)?;
    }
    let kept = keep.then(|| dir.keep());
    Ok(Rehearsed { verdict: verdict?, kept })
}

/// Load and acts, then the end of all jobs, then what is to be judged.
async fn gather(
    rehearsal: &Rehearsal,
    stage: &mut Stage,
    tell: &mut impl FnMut(Duration, &str),
) -> Result<Evidence, ChaosError> {
    stage.come_up().await?;
    let broker = stage.broker().await?;
    let ahead_ms = clock_ahead(&broker).await?;
    let enough = CancellationToken::new();
    let _stops_at_the_end = enough.clone().drop_guard();
    let follower = tokio::spawn(history::follow(broker.clone(), enough.clone()));
    let load = Load::start(stage.api(), rehearsal.seed, rehearsal.rate)?;
    let mut scene = Scene::begin(stage, ahead_ms, tell);
    let load_begin = now_ms();
    scene.play(rehearsal).await?;
    let load_end = now_ms();

    scene.say("the load ends, everybody comes back");
    scene.stage.restore()?;
    let mut posts = scene.meanwhile(load.stop(LAST_POSTS)).await?;
    // From here on there is one clock: that of Redis.
    posts.shift(ahead_ms);
    let ids: Vec<JobId> = posts.accepted.iter().map(|accepted| accepted.id).collect();
    scene.say(&format!("{} jobs were accepted; waiting until all have ended", ids.len()));
    let stuck = STUCK + 3 * rehearsal.lease;
    scene.meanwhile(all_ended(&broker, &ids, stuck)).await?;

    let hashes = patiently(async || history::hashes(&broker, &ids).await).await?;
    let all = patiently(async || history::all(&broker, "noop").await).await?;
    enough.cancel();
    let moves: Moves = follower.await.map_err(ChaosError::Follow)?.map_err(ChaosError::Redis)?;
    let Scene { strikes, by_itself, .. } = scene;
    Ok(Evidence {
        held_back_ms: held_back_ms(rehearsal.durability),
        posts,
        load_ms: (load_begin + ahead_ms, load_end + ahead_ms),
        strikes,
        moves,
        hashes,
        all,
        by_itself,
    })
}

/// Waits until every job has ended, or until none has for the time `stuck`.
async fn all_ended(broker: &Broker, ids: &[JobId], stuck: Duration) {
    let mut open = ids.to_vec();
    let mut progress = Instant::now();
    while !open.is_empty() && progress.elapsed() < stuck {
        if let Ok(still) = history::open(broker, &open).await {
            if still.len() < open.len() {
                progress = Instant::now();
            }
            open = still;
        }
        sleep(LOOK).await;
    }
}

/// Asks Redis until it answers.
async fn patiently<R>(ask: impl AsyncFn() -> Result<R, BrokerError>) -> Result<R, ChaosError> {
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if started.elapsed() > PATIENCE => return Err(ChaosError::Redis(error)),
            Err(_) => sleep(LOOK).await,
        }
    }
}

/// How far the clock of Redis is ahead of ours, in milliseconds: its machine may be another.
async fn clock_ahead(broker: &Broker) -> Result<i64, ChaosError> {
    let before = now_ms();
    let (seconds, micros): (i64, i64) = broker.query(&redis::cmd("TIME")).await.map_err(ChaosError::Redis)?;
    Ok(seconds * 1000 + micros / 1000 - i64::midpoint(before, now_ms()))
}

/// Refuses a Redis that holds anything: whoever's it is, nothing of it shall be at risk.
async fn is_empty(url: &str) -> Result<(), ChaosError> {
    if url.starts_with("redis+") || url.starts_with("rediss+") {
        return Err(ChaosError::Several);
    }
    let settings = crate::config::Redis::at(url.to_owned(), PATIENCE);
    let broker = Broker::connect(&settings).await.map_err(ChaosError::Redis)?;
    let keys: u64 = broker.query(&redis::cmd("DBSIZE")).await.map_err(ChaosError::Redis)?;
    let key: Option<String> = broker.query(&redis::cmd("RANDOMKEY")).await.map_err(ChaosError::Redis)?;
    match key {
        None if keys == 0 => Ok(()),
        key => Err(ChaosError::InUse { keys, key: key.unwrap_or_default() }),
    }
}

/// A private directory that goes away with us, unless it is kept.
struct Dir {
    path: PathBuf,
    kept: bool,
}

impl Dir {
    fn make() -> Result<Self, ChaosError> {
        // Short: a unix socket lies in it.
        let path = env::temp_dir().join(format!("chaos-{}-{:06x}", std::process::id(), rand::random::<u32>() >> 8));
        let made = fs::DirBuilder::new().mode(0o700).create(&path).and_then(|()| path.canonicalize());
        let path = made.map_err(|source| ChaosError::Files { path, source })?;
        Ok(Self { path, kept: false })
    }

    fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed from the directory for temporary files is the system's to remove.
            fs::remove_dir_all(&self.path).ok();
        }
    }
}
