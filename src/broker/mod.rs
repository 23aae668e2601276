//! How Redis is reached: connecting and staying connected, checking that it is fit for jobs, running scripts, and
//! the private redis-server of `collector up`.
//!
//! In: `[redis]` of the configuration. Out: a `Broker` whose `Connection`s outlive restarts of Redis. Invariants:
//! a command answers or fails within `redis.timeout`, whatever Redis does; while Redis is away commands fail at once;
//! nobody but the connection's own task reconnects.

mod check;
mod connect;
mod embedded;
mod error;
mod lock;
mod scratch;
mod script;
mod server;

use std::path::Path;

pub use self::{
    check::{CheckError, Software, check},
    connect::{Broker, Connection},
    embedded::{Embedded, EmbeddedError},
    error::BrokerError,
    lock::LockError,
    scratch::Scratch,
    script::Script,
    server::Address,
};

/// The process id of the collector that keeps its private Redis in `data_dir`, if one does.
pub fn holder(data_dir: &Path) -> Option<u32> {
    lock::DirLock::holder(data_dir)
}
