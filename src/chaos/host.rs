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
    ChaosError, processes,
    stage::{HOST, SHARDS},
};
use crate::config;

/// The pool of every host: two processes whose jobs share them, and their spare.
const POOL: &str = "light=2x8";
/// How long a host that was asked to stop may take.
const STOP: Duration = Duration::from_secs(40);
/// The longest path of a unix socket, with room for what redis-server adds to it.
const MAX_SOCKET: usize = 100;

/// A host.
pub(super) struct Host {
    /// From 1.
    pub(super) number: usize,
    arguments: Vec<String>,
    /// Its process, while it is there.
    pub(super) child: Option<Child>,
    /// What its processes say.
    pub(super) log: PathBuf,
}

impl Host {
    pub(super) fn new(number: usize, dir: &Path, arguments: Vec<String>) -> Self {
        Self { number, arguments, child: None, log: dir.join(format!("host-{number}.log")) }
    }

    pub(super) fn spawn(&mut self, dir: &Path) -> Result<(), ChaosError> {
        let files = |source| ChaosError::Files { path: self.log.clone(), source };
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log).map_err(files)?;
        let program = env::current_exe().map_err(|source| ChaosError::Spawn { source })?;
        let mut command = Command::new(program);
        for (name, _) in env::vars_os() {
            // The rehearsal is the same everywhere.
            if name.to_string_lossy().starts_with("COLLECTOR_") {
                command.env_remove(name);
            }
        }
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

pub(super) fn socket(dir: &Path) -> Result<PathBuf, ChaosError> {
    let socket = dir.join("data").join("redis.sock");
    if socket.as_os_str().len() > MAX_SOCKET {
        return Err(ChaosError::LongPath(socket));
    }
    Ok(socket)
}

pub(super) fn up(api: SocketAddr, redis_url: Option<&String>) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["up", "--data-dir", "data", "--pool", POOL, "--listen"].map(str::to_owned).to_vec();
    arguments.push(api.to_string());
    if let Some(url) = redis_url {
        arguments.extend(["--redis-url".to_owned(), url.clone()]);
    }
    arguments
}

pub(super) fn sanjer(redis_url: &str) -> Vec<String> {
    ["sanjer", "--data-dir", "data", "--pool", POOL, "--redis-url", redis_url].map(str::to_owned).to_vec()
}

/// What differs from the defaults. The stream of events must outlast the moments in which nobody reads it.
pub(super) fn configuration(lease: Duration) -> String {
    format!(
        "[queue]\nlease = \"{}\"\nshards = {SHARDS}\n\n[redis]\ntimeout = \"2s\"\n\n[jobs]\nmax_events = 500000\n",
        config::Span(lease)
    )
}

/// The end of a log, for whom it concerns.
pub(super) fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_else(|error: io::Error| error.to_string());
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
}
