//! The open database of crawled networks, in Redis: who belongs to a network, who is whose neighbour, what was before.
//!
//! In: changes, a part of the id space at a time, each from the one who owns that part. Out: everything, to whoever asks.
//! Every key of a network begins with `{etlas:<shard>}:crawl:<network>:`; `{etlas:0}:crawls` says which shard that is.
//!
//! | key after the prefix | type | holds |
//! |---|---|---|
//! | `about` | hash | `root` (the job that began the crawl, and its attempt), `epoch`, `started_at`, `began`, `began_at`, `closed`, `last` |
//! | `nodes:<part>` | hash | node id → [`Node`](super::Node) as JSON: the live set |
//! | `neighbours:<part>` | hash | node id → the ids it told of, 32 bytes each |
//! | `candidates:<part>` | hash | node id → [`Candidate`](super::Candidate) as JSON: only heard of |
//! | `gone:<part>` | hash | node id → what it was when it left the live set, JSON; bounded |
//! | `history:<part>` | hash | node id → its former records, a JSON line each, 16 at most |
//! | `inbox:<part>` | list | records that the owners of other parts were told of |
//! | `epoch:<n>` | hash | counts of one epoch |
//! | `sessions` | hash | how long nodes stayed: minutes, rounded down to a power of two → how many |
//! | `events` | stream | `event` = JSON: found, updated, gone; trimmed |
//! | `members` | zset | who crawls, by the end of its lease |
//! | `metrics` | hash | member → what it measures of its own work, JSON |
//! | `owners`, `fences`, `states`, `flushed` | hash | part → who has it; the number of that claim; `<epoch> busy`, `idle` or `tracked`; its last write |
//!
//! A part is one hexadecimal digit's worth of node ids. Whoever owns one writes it under the number of its claim (the
//! fence), so that one who was thought dead cannot overwrite what its successor knows.

mod batch;
mod directory;
mod read;
#[cfg(test)]
mod tests;

use std::time::Duration;

use redis::{Cmd, FromRedisValue};

pub use self::{
    batch::{Batch, Change, State},
    directory::{Directory, NetworkName, NetworkNameError},
    read::{EpochCounts, part_of, unpack},
};
use crate::{
    broker::{Broker, BrokerError, Script, script},
    job::Shard,
};

/// Parts of the id space.
pub const PARTS: u8 = 16;
/// Records that wait for the owner of a part, at most.
const MAX_INBOX: usize = 100_000;
/// Nodes remembered as gone, in one part.
const MAX_GONE: usize = 10_000;
/// Events that can be read again.
const MAX_EVENTS: usize = 10_000;

/// One network's part of the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    broker: Broker,
    shard: Shard,
    prefix: String,
    /// How long it is kept once nobody crawls it any more.
    keep_ms: u64,
}

/// What a member is told whenever it says that it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Redis' clock, in ms since 1970.
    pub now: u64,
    /// The present epoch.
    pub epoch: u64,
    /// When it began.
    pub started_at: u64,
    /// The first epoch of this crawl.
    pub began: u64,
    /// When that began.
    pub began_at: u64,
    /// The last epoch that has ended.
    pub closed: u64,
    /// The last epoch of this crawl; 0 if it goes on for ever.
    pub last: u64,
    /// Whether the member belongs to the crawl that is going on, rather than having come across it.
    pub is_ours: bool,
    /// Members.
    pub members: u64,
    /// Parts to give back.
    pub give: usize,
    /// Parts held, each with its fence.
    pub held: Vec<(u8, u64)>,
}

/// Who says that it is there, and for what.
#[derive(Debug)]
pub struct Member<'a> {
    /// A name that nobody else has ever had.
    pub name: &'a str,
    /// What names the crawl: the job that began it, or shall, and its attempt.
    pub root: &'a str,
    /// How long it counts as being there.
    pub lease: Duration,
    /// Epochs that are wanted, 0 for ever; `None` if it only helps.
    pub epochs: Option<u64>,
}

type Joined = (u64, u64, u64, u64, u64, u64, u64, u8, u64, usize, Vec<u64>);

impl Store {
    fn new(broker: Broker, shard: Shard, prefix: String, keep: Duration) -> Self {
        Self { broker, shard, prefix, keep_ms: milliseconds(keep) }
    }

    /// Joins, or says that one is still there; `given` are parts that are given back.
    pub async fn join(&self, member: &Member<'_>, metrics: &str, given: &[u8]) -> Result<Standing, BrokerError> {
        let joined: Joined = self
            .script(script!("join"), |cmd| {
                cmd.arg(member.name).arg(milliseconds(member.lease)).arg(member.root);
                match member.epochs {
                    Some(epochs) => cmd.arg(epochs),
                    None => cmd.arg("-"),
                };
                cmd.arg(self.keep_ms).arg(metrics);
                for part in given {
                    cmd.arg(*part);
                }
            })
            .await?;
        let (now, epoch, started_at, began, began_at, closed, last, is_ours, members, give, held) = joined;
        let held = held.chunks_exact(2).filter_map(|pair| match pair {
            [part, fence] => Some((u8::try_from(*part).ok()?, *fence)),
            _ => None,
        });
        let held = held.collect();
        let is_ours = is_ours == 1;
        Ok(Standing { now, epoch, started_at, began, began_at, closed, last, is_ours, members, give, held })
    }

    /// Leaves; others take over at once.
    pub async fn leave(&self, member: &str) -> Result<(), BrokerError> {
        self.script(script!("leave"), |cmd| {
            cmd.arg(member).arg(self.keep_ms);
        })
        .await
    }

    /// Ends `epoch` if it is over, and begins the next if that is due. Returns the last closed epoch and the present one.
    pub async fn close(&self, epoch: u64, length: Duration, further: Further) -> Result<(u64, u64), BrokerError> {
        self.script(script!("close"), |cmd| {
            cmd.arg(epoch).arg(milliseconds(length)).arg(u8::from(further == Further::Unwanted)).arg(self.keep_ms);
        })
        .await
    }

    /// Writes what has changed in one part; false if that belongs to another by now.
    pub async fn flush(&self, batch: &Batch) -> Result<bool, BrokerError> {
        self.script(script!("flush"), |cmd| batch.write(cmd, self.keep_ms)).await
    }

    async fn script<T: FromRedisValue>(&self, script: &Script, args: impl Fn(&mut Cmd)) -> Result<T, BrokerError> {
        script.call(&mut self.broker.connection(), &self.prefix, args).await
    }

    fn key(&self, name: impl std::fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Whether there shall be another epoch after the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// Yes: the present one ends when its time is over.
    Wanted,
    /// No: it ends as soon as everything is done.
    Unwanted,
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
