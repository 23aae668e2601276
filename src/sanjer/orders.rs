//! What a supervisor tells a sanjer, over the pipe that is the sanjer's standard input: first one line of JSON that
//! says who it is, then one word a line. The end of the pipe is an order too: the supervisor is dead.

use std::io::{self, BufRead, Write as _};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, queue::Lane};

/// Who a sanjer is and what it works with. Never on a command line: it may hold the password of Redis.
#[derive(Debug, Deserialize, Serialize)]
pub struct Start {
    /// The configuration of its supervisor, with `redis.url` resolved.
    pub config: Config,
    /// Its pool.
    pub pool: String,
    /// Jobs at once once it serves its pool.
    pub slots: u16,
    /// `Alone` for a spare: it runs suspects until it is told to serve.
    pub lane: Lane,
    /// Milliseconds since 1970, part of its name.
    pub started_at: u64,
}

/// Tells a spare to serve its pool.
pub(super) const SERVE: &str = "serve";
/// Tells a sanjer to take no more jobs, end or hand back what it has, and exit.
pub(super) const DRAIN: &str = "drain";
/// Tells a sanjer to take no more jobs and exit once those it has have ended, however long that takes.
pub(super) const RETIRE: &str = "retire";

/// What a sanjer tells its supervisor, a word a line, over its standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It has reached Redis and claims jobs.
    Ready,
    /// From now on it runs several jobs at once, so none of them can be told to have killed it.
    Shares,
    /// It has run long enough: another one shall take its place.
    Worn,
    /// It ends by its own decision, and its jobs are not to blame for it.
    Leaving,
}

impl Word {
    pub(super) const ALL: [Self; 4] = [Self::Ready, Self::Shares, Self::Worn, Self::Leaving];

    /// As it stands in the pipe. What platforms print goes there too, hence the mark.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "\u{1}ready",
            Self::Shares => "\u{1}shares",
            Self::Worn => "\u{1}worn",
            Self::Leaving => "\u{1}leaving",
        }
    }

    /// Says it.
    pub(super) fn say(self) {
        // A supervisor that does not listen any more is dead, which the other pipe says.
        writeln!(io::stdout(), "{}", self.as_str()).ok();
    }
}

/// The orders as tokens that end when they arrive.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    /// Serve the pool.
    pub(super) serve: CancellationToken,
    /// Drain.
    pub(super) drain: CancellationToken,
    /// Retire.
    pub(super) retire: CancellationToken,
    /// The supervisor is dead.
    pub(super) orphaned: CancellationToken,
}

/// Reads the first line.
pub fn read_start(input: &mut impl BufRead) -> io::Result<Start> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// Reads orders on a thread of its own until the pipe ends: no job, however it blocks, can keep it from noticing.
pub(super) fn follow(input: impl BufRead + Send + 'static) -> io::Result<Orders> {
    let orders = Orders::default();
    let heard = orders.clone();
    std::thread::Builder::new().name("orders".into()).spawn(move || {
        for line in input.lines().map_while(Result::ok) {
            match line.as_str() {
                SERVE => heard.serve.cancel(),
                DRAIN => heard.drain.cancel(),
                RETIRE => heard.retire.cancel(),
                _ => tracing::warn!(order = line, "unknown order"),
            }
        }
        heard.orphaned.cancel();
    })?;
    Ok(orders)
}

/// A sanjer's name: unique for every start of every process, and never used again.
pub(super) fn name(host: &str, pid: u32, started_at: u64) -> String {
    format!("{host}:{pid}:{started_at}")
}

/// This host's name.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
