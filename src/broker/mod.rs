//! How Redis is reached: connecting and staying connected, to one server, to the primary that Sentinels name or to a
//! Cluster; checking that it is fit for jobs, running scripts, and the private redis-server of `collector up`.
//!
//! In: `[redis]` of the configuration. Out: a `Broker` whose `Connection`s outlive restarts, failovers and moving slots.
//! Invariants: a command answers or fails within `redis.timeout`, whatever Redis does; while Redis is away commands fail
//! at once; nobody but a link's own task reconnects; no script sees a shard that is moving.

mod check;
mod cluster;
mod connect;
mod embedded;
mod error;
mod health;
mod link;
mod lock;
mod map;
mod scratch;
mod script;
mod sentinel;
mod server;
mod slots;
mod subscription;

use std::path::Path;

pub(crate) use self::script::script;
pub use self::{
    check::{CheckError, Software, check},
    connect::{Broker, Connection},
    embedded::{Embedded, EmbeddedError},
    error::BrokerError,
    health::Health,
    lock::LockError,
    scratch::Scratch,
    script::{Replicas, Script},
    server::Address,
    subscription::Subscription,
};

/// The process id of the collector that keeps its private Redis in `data_dir`, if one does.
pub fn holder(data_dir: &Path) -> Option<u32> {
    lock::DirLock::holder(data_dir)
}
