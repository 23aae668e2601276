//! The real binary: one that runs, and one that ends by itself.

use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use redis::aio::MultiplexedConnection;
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::{Scratch, children, signal, wait::kill};

/// How long it may take until it listens.
const START: Duration = Duration::from_mins(1);

/// A `collector up` (or `api`, `sanjer`) that runs until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Collector {
    child: Child,
    pid: u32,
    lines: Lines<BufReader<ChildStdout>>,
    stderr: PathBuf,
    /// Where its API listens: `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    /// The `redis-cli …` line of its private Redis.
    pub(crate) redis_line: Option<String>,
    redis_pid: Option<u32>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary under test, in a directory.
fn binary(dir: &Path) -> Command {
    program(env!("CARGO_BIN_EXE_collector").as_ref(), dir)
}

/// A binary with nothing of the tester's own configuration.
fn program(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COLLECTOR_") {
            command.env_remove(name);
        }
    }
    command.current_dir(dir).stdin(Stdio::null());
    command
}

/// A `collector devnet` of 64 nodes, a tenth of them dead, and what it says of itself.
pub(crate) async fn devnet(scratch: &Scratch) -> (Collector, serde_json::Value) {
    let mut devnet = Collector::silent(scratch, &["devnet", "--nodes", "64", "--dead", "0.1", "--json"], &[]);
    let network = serde_json::from_str(&devnet.line().await).unwrap();
    (devnet, network)
}

/// Runs a command to its end.
pub(crate) async fn finished(
    scratch: &Scratch,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    env: &[(&str, &str)],
) -> Finished {
    let output = binary(scratch.path()).args(args).envs(env.iter().copied()).kill_on_drop(true).output();
    let output = timeout(START, output).await.expect("it ends by itself").unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Collector {
    /// `collector up` on a free port with the data directory `data` of `scratch`.
    pub(crate) async fn up(scratch: &Scratch, args: &[&str]) -> Self {
        Self::up_with(scratch, args, &[]).await
    }

    /// The same, with variables of the environment.
    pub(crate) async fn up_with(scratch: &Scratch, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut all = vec!["up", "--listen", "127.0.0.1:0", "--data-dir", "data"];
        all.extend(args);
        Self::start(scratch, &all, env).await
    }

    /// Any command that prints where it listens.
    pub(crate) async fn start(scratch: &Scratch, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::launch(binary(scratch.path()), scratch, args, env).listens().await
    }

    /// The same of another build.
    pub(crate) async fn start_program(file: &Path, scratch: &Scratch, args: &[&str]) -> Self {
        Self::launch(program(file, scratch.path()), scratch, args, &[]).listens().await
    }

    /// A command that listens nowhere; it may not be up yet.
    pub(crate) fn silent(scratch: &Scratch, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::launch(binary(scratch.path()), scratch, args, env)
    }

    fn launch(mut command: Command, scratch: &Scratch, args: &[&str], env: &[(&str, &str)]) -> Self {
        let stderr = scratch.path().join(format!("stderr-{}", uuid::Uuid::now_v7()));
        command.args(args).envs(env.iter().copied());
        command.stdout(Stdio::piped()).stderr(File::create(&stderr).unwrap());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let pid = child.id().unwrap();
        Self { child, pid, lines, stderr, base: String::new(), redis_line: None, redis_pid: None }
    }

    async fn listens(mut self) -> Self {
        let listens = timeout(START, self.listening()).await == Ok(true);
        assert!(listens, "it does not listen:\n{}", self.stderr());
        if self.redis_line.is_some() {
            let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut self.redis().await).await.unwrap();
            self.redis_pid = info.get("process_id");
        }
        self
    }

    /// The next line it prints.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(START, self.lines.next_line()).await.expect("it prints a line").unwrap();
        line.unwrap_or_else(|| panic!("it ended:\n{}", self.stderr()))
    }

    /// Reads what it prints until it says where it listens.
    async fn listening(&mut self) -> bool {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            if line.contains("redis-cli") {
                self.redis_line = Some(line);
            } else if let Some(base) = line.strip_prefix("listening on ") {
                base.clone_into(&mut self.base);
                return true;
            }
        }
        false
    }

    /// The URL of its private Redis, from the line it printed.
    pub(crate) fn redis_url(&self) -> String {
        let line = self.redis_line.as_deref().expect("it has a private Redis");
        if let Some(path) = line.strip_prefix("redis-cli -s ") {
            return format!("unix://{path}");
        }
        let (file, port) = line.split_once(") redis-cli -p ").unwrap();
        let password = std::fs::read_to_string(file.strip_prefix("REDISCLI_AUTH=$(cat ").unwrap()).unwrap();
        format!("redis://:{password}@127.0.0.1:{port}")
    }

    /// A connection to its private Redis.
    pub(crate) async fn redis(&self) -> MultiplexedConnection {
        redis::Client::open(self.redis_url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    /// The process id of its private Redis.
    pub(crate) fn redis_pid(&self) -> u32 {
        self.redis_pid.expect("it has a private Redis")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has logged.
    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        signal(self.pid, Signal::TERM);
        timeout(START, self.child.wait()).await.expect("it stops").unwrap()
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Killed like this it leaves its Redis behind: the one it began with, or one that took its place.
        let mut left = children(self.pid);
        left.extend(self.redis_pid);
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(self.pid, Signal::KILL);
        }
        for pid in left {
            kill(pid);
        }
    }
}
