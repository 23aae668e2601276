//! The private redis-server of `collector up`: started, adopted, watched, restarted, stopped.
//!
//! It is a real redis-server, so that the way of a job is the same as in production. It lives in a process group of
//! its own (a Ctrl-C in the terminal must reach us alone, who stop it after everything that needs it). Should we be
//! killed, it goes on; the next `up` of the same data directory adopts it.

use std::{
    fs,
    io::{self, Read as _, Seek as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Address, LockError,
    lock::DirLock,
    server::{Found, make_private_dir, write_private},
};
use crate::config::{Config, Durability};

/// How long a new server may take until it listens; loading its data may take longer.
const START: Duration = Duration::from_secs(30);
/// How often a server that starts or was adopted is looked at.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_AT_ADOPTED: Duration = Duration::from_secs(1);
/// How often it is said that data is still being loaded.
const SAY_LOADING: Duration = Duration::from_secs(2);
/// How long each step of stopping may take: the command, then SIGTERM, then SIGKILL.
const STOP: Duration = Duration::from_secs(10);
/// Waits before a server that ended by itself is started again: the first, and the longest.
const RESTART: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The private redis-server cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Another `up` has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no such program.
    #[error(
        "there is no program {:?}, which keeps the jobs when redis.url is not set; install it (apt-get install \
         redis-server, dnf install redis, or brew install redis) or set redis.url to a Redis that runs already",
        .0.display()
    )]
    Missing(PathBuf),
    /// Something about its files.
    #[error("cannot prepare {}: {source}", path.display())]
    Files {
        /// The directory or file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be run.
    #[error("cannot run {}: {source}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It ran and ended.
    #[error("redis-server ended at once ({status}), see {}: {last_line}", log.display())]
    Ended {
        /// How.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The log's last line.
        last_line: String,
    },
    /// It runs and does not listen.
    #[error("redis-server did not answer within 30 s, see {}", .0.display())]
    Silent(PathBuf),
    /// Somebody else's Redis answers where ours would.
    #[error("another Redis, of directory {}, answers at {address}", dir.display())]
    Foreign {
        /// Its directory.
        dir: PathBuf,
        /// How it is reached.
        address: Address,
    },
}

/// A private redis-server that is kept running until [`Embedded::stop`].
#[derive(Debug)]
pub struct Embedded {
    address: Address,
    stop: CancellationToken,
    keeper: JoinHandle<()>,
    _lock: DirLock,
}

/// What is needed to start it, once or again.
#[derive(Debug)]
struct Server {
    program: PathBuf,
    home: PathBuf,
    log: PathBuf,
    address: Address,
    /// Its `appendfsync`.
    fsync: &'static str,
}

impl Embedded {
    /// Starts the server of `config.data_dir`, or adopts the one that a killed `up` left behind, and waits until it
    /// has its data.
    pub async fn start(config: &Config) -> Result<Self, EmbeddedError> {
        let (data_dir, home) = prepare(&config.data_dir)?;
        let lock = DirLock::take(&data_dir)?;
        let files = |source| EmbeddedError::Files { path: home.clone(), source };
        let log = data_dir.join("redis.log");
        let address = Address::of(&data_dir, &home).map_err(files)?;
        let fsync = if config.redis.durability == Durability::Always { "always" } else { "everysec" };
        let mut server = Server { program: config.redis.server.clone(), home: home.clone(), log, address, fsync };

        let child = match server.address.probe().await {
            Found::Nobody => Some(server.spawn()?),
            Found::Redis { dir: Some(dir), .. } if dir != home => {
                if matches!(server.address, Address::Socket(_)) {
                    return Err(EmbeddedError::Foreign { dir, address: server.address });
                }
                server.address = Address::elsewhere(&data_dir, &home).map_err(files)?;
                Some(server.spawn()?)
            }
            Found::Redis { .. } => {
                tracing::info!(dir = %home.display(), "adopting the redis-server that a previous run left behind");
                None
            }
        };
        let child = server.ready(child).await?;
        server.set_fsync().await;
        let stop = CancellationToken::new();
        let address = server.address.clone();
        let keeper = tokio::spawn(server.keep(child, stop.clone()));
        Ok(Self { address, stop, keeper, _lock: lock })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Stops it: everything it holds is on disk when this returns.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.keeper.await {
            tracing::error!(%error, "the keeper of redis-server failed");
        }
    }
}

/// Makes the directories; both are named absolutely from here on, because the server changes into its own.
fn prepare(data_dir: &Path) -> Result<(PathBuf, PathBuf), EmbeddedError> {
    let files = |source| EmbeddedError::Files { path: data_dir.to_owned(), source };
    make_private_dir(data_dir).map_err(files)?;
    let data_dir = data_dir.canonicalize().map_err(files)?;
    let home = data_dir.join("redis");
    make_private_dir(&home).map_err(files)?;
    Ok((data_dir, home))
}

impl Server {
    fn spawn(&self) -> Result<Child, EmbeddedError> {
        let conf = self.home.join("redis.conf");
        write_private(&conf, &self.address.configuration(&self.home, &self.log, self.fsync))
            .map_err(|source| EmbeddedError::Files { path: conf.clone(), source })?;
        // What it says before it has read where its log is.
        let output = || fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let files = |source| EmbeddedError::Files { path: self.log.clone(), source };
        let mut command = std::process::Command::new(&self.program);
        command.arg(&conf).stdin(Stdio::null());
        command.stdout(output().map_err(files)?).stderr(output().map_err(files)?).process_group(0);
        // Only for an end without `stop`, an error at start-up: what was written is with the kernel already.
        Command::from(command).kill_on_drop(true).spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => EmbeddedError::Missing(self.program.clone()),
            _ => EmbeddedError::Run { program: self.program.clone(), source },
        })
    }

    /// Waits until the server answers everything. A child that will not is stopped.
    async fn ready(&self, mut child: Option<Child>) -> Result<Option<Child>, EmbeddedError> {
        let started = Instant::now();
        let mut said: Option<Instant> = None;
        loop {
            let ended = child.as_mut().and_then(|child| child.try_wait().transpose());
            if let Some(status) = ended {
                let status = status.map_err(|source| EmbeddedError::Run { program: self.program.clone(), source })?;
                return Err(EmbeddedError::Ended { status, log: self.log.clone(), last_line: self.last_line() });
            }
            match self.address.probe().await {
                Found::Redis { ready: true, dir: Some(dir) } if dir == self.home => return Ok(child),
                Found::Redis { ready: true, dir } => {
                    let dir = dir.unwrap_or_default();
                    discard(child).await;
                    return Err(EmbeddedError::Foreign { dir, address: self.address.clone() });
                }
                Found::Redis { ready: false, .. } => {
                    if said.is_none_or(|at| at.elapsed() > SAY_LOADING) {
                        said = Some(Instant::now());
                        tracing::info!(log = %self.log.display(), "redis-server is loading its data");
                    }
                }
                Found::Nobody if started.elapsed() > START => {
                    discard(child).await;
                    return Err(EmbeddedError::Silent(self.log.clone()));
                }
                // An adopted server that goes away meanwhile is replaced.
                Found::Nobody if child.is_none() => child = Some(self.spawn()?),
                Found::Nobody => {}
            }
            sleep(LOOK).await;
        }
    }

    /// One that was adopted began under another configuration.
    async fn set_fsync(&self) {
        let set = async {
            let mut connection = self.address.connect().await?;
            let command = redis::cmd("CONFIG").arg("SET").arg("appendfsync").arg(self.fsync).clone();
            command.exec_async(&mut connection).await
        };
        if let Err(error) = set.await {
            tracing::warn!(%error, appendfsync = self.fsync, "redis-server does not take its configuration");
        }
    }

    /// Keeps a server running until it shall stop.
    async fn keep(self, mut child: Option<Child>, stop: CancellationToken) {
        let mut wait = RESTART.0;
        loop {
            let since = Instant::now();
            let how = tokio::select! {
                () = stop.cancelled() => return self.end(child).await,
                how = self.ended(&mut child) => how,
            };
            if since.elapsed() > RESTART.1 {
                wait = RESTART.0;
            }
            let wait_ms = wait.as_millis();
            tracing::error!(how, wait_ms, log = %self.log.display(), "redis-server ended by itself, starting it again");
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(wait) => {}
            }
            wait = (wait * 2).min(RESTART.1);
            child = match self.spawn() {
                Ok(child) => Some(child),
                Err(error) => {
                    tracing::error!(%error, "redis-server cannot be started again");
                    continue;
                }
            };
        }
    }

    /// Waits until the server has ended, and says how.
    async fn ended(&self, child: &mut Option<Child>) -> String {
        if let Some(child) = child {
            return match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            };
        }
        // An adopted server is not our child: ask it. One that is merely slow is still there.
        while !matches!(self.address.probe().await, Found::Nobody) {
            sleep(LOOK_AT_ADOPTED).await;
        }
        "it was adopted, so nobody knows how".to_owned()
    }

    /// Stops the server cleanly, and less cleanly if it will not.
    async fn end(&self, mut child: Option<Child>) {
        let mut pid = child.as_ref().and_then(Child::id).map(i64::from);
        if let Ok(mut connection) = self.address.connect().await {
            if pid.is_none() {
                let info: redis::RedisResult<redis::InfoDict> = redis::cmd("INFO").query_async(&mut connection).await;
                pid = info.ok().and_then(|info| info.get("process_id"));
            }
            // It answers by closing the connection.
            let asked = redis::cmd("SHUTDOWN").exec_async(&mut connection).await;
            tracing::debug!(?asked, "asked redis-server to stop");
        }
        if timeout(STOP, self.ended(&mut child)).await.is_ok() {
            return;
        }
        let pid = pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        for signal in [Signal::TERM, Signal::KILL] {
            tracing::warn!(?signal, "redis-server does not stop when asked to");
            if let Some(pid) = pid
                && let Err(error) = kill_process(pid, signal)
            {
                tracing::warn!(%error, "cannot signal redis-server");
            }
            if timeout(STOP, self.ended(&mut child)).await.is_ok() {
                return;
            }
        }
    }

    /// The last thing the server said.
    fn last_line(&self) -> String {
        let tail = || -> io::Result<String> {
            let mut log = fs::File::open(&self.log)?;
            log.seek(io::SeekFrom::Start(log.metadata()?.len().saturating_sub(4096)))?;
            let mut tail = Vec::new();
            log.read_to_end(&mut tail)?;
            Ok(String::from_utf8_lossy(&tail).into_owned())
        };
        let tail = tail().unwrap_or_default();
        tail.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
    }
}

/// Ends a child that never worked.
async fn discard(child: Option<Child>) {
    if let Some(mut child) = child
        && let Err(error) = child.kill().await
    {
        tracing::warn!(%error, "cannot end redis-server");
    }
}
