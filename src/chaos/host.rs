//! One host of the stage: a real process of this program, in a process group of its own, with a log.

use std::{
    env, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{
    ChaosError, Rehearsal, processes,
    stage::{HOST, SHARDS},
};
use crate::config;

/// The pool of every host: two processes whose jobs share them, and their spare.
const POOL: &str = "light=2x8";
/// This program, even if another stands in its file's place by now.
const OURSELVES: &str = "/proc/self/exe";
/// How long a host that was asked to stop may take.
const STOP: Duration = Duration::from_secs(40);
/// The longest path of a unix socket, with room for what redis-server adds to it.
const MAX_SOCKET: usize = 100;

/// A host.
pub(super) struct Host {
    /// From 1.
    pub(super) number: usize,
    arguments: Vec<String>,
    /// The Redis it is told to use; its own, if none.
    redis_url: Option<String>,
    /// Its process, while it is there.
    pub(super) child: Option<Child>,
    /// What its processes say.
    pub(super) log: PathBuf,
}

impl Host {
    /// Prepared; nothing is started yet.
    pub(super) fn new(number: usize, dir: &Path, arguments: Vec<String>, redis_url: Option<&String>) -> Self {
        let log = dir.join(format!("host-{number}.log"));
        Self { number, arguments, redis_url: redis_url.cloned(), child: None, log }
    }

    /// Starts it, for the first time or again.
    pub(super) fn spawn(&mut self, dir: &Path) -> Result<(), ChaosError> {
        let files = |source| ChaosError::Files { path: self.log.clone(), source };
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log).map_err(files)?;
        let mut command = Command::new(OURSELVES);
        for (name, _) in env::vars_os() {
            // The rehearsal is the same everywhere.
            if name.to_string_lossy().starts_with("COLLECTOR_") {
                command.env_remove(name);
            }
        }
        // Not on the command line, which everybody can see: it may hold a password.
        command.envs(self.redis_url.iter().map(|url| ("COLLECTOR_REDIS__URL", url)));
        command.args(&self.arguments).current_dir(dir).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(files)?).stderr(log);
        self.child = Some(command.spawn().map_err(|source| ChaosError::Spawn { source })?);
        Ok(())
    }

    /// How it ended, if it did; then it is gone from here.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status)
    }

    /// Asks it to stop, and ends it if it does not.
    pub(super) async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = child.id() {
            processes::signal(pid, HOST, Signal::TERM);
        }
        if timeout(STOP, child.wait()).await.is_err() {
            // Its sanjers end when it does.
            child.kill().await.ok();
        }
    }
}

/// Where the private Redis of host 1 listens.
pub(super) fn socket(dir: &Path) -> Result<PathBuf, ChaosError> {
    let socket = dir.join("data").join("redis.sock");
    if socket.as_os_str().len() > MAX_SOCKET {
        return Err(ChaosError::LongPath(socket));
    }
    Ok(socket)
}

/// The command line of host 1.
pub(super) fn up(api: SocketAddr) -> Vec<String> {
    ["up", "--data-dir", "data", "--pool", POOL, "--listen", &api.to_string()].map(str::to_owned).into()
}

/// The command line of every other host.
pub(super) fn sanjer() -> Vec<String> {
    ["sanjer", "--data-dir", "data", "--pool", POOL].map(str::to_owned).into()
}

/// What differs from the defaults. The stream of events must outlast the moments in which nobody reads it.
pub(super) fn configuration(rehearsal: &Rehearsal) -> String {
    let (lease, durability) = (config::Span(rehearsal.lease), rehearsal.durability);
    format!(
        "[queue]\nlease = \"{lease}\"\nshards = {SHARDS}\n\n[redis]\ntimeout = \"2s\"\ndurability = \"{durability}\"\n\n\
         [jobs]\nmax_events = 500000\n"
    )
}

/// The end of a log, for whom it concerns.
pub(super) fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_else(|error: io::Error| error.to_string());
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
}
