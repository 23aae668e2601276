//! Configuration as one typed struct, passed down; nothing else reads files or the environment.
//!
//! `src/config.default.toml` holds every default and its documentation. Later sources win: the defaults, then
//! `collector.toml`, then `COLLECTOR_*` of the environment, then flags.
//! In: those sources. Out: one `Config`. Invariant: a `Config` that exists has passed every check, and whatever is
//! wrong is one sentence with the source, the path and the value.

mod check;
mod list;
mod load;
mod place;
mod requests;
mod show;
#[cfg(test)]
mod tests;
mod units;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use self::{
    check::is_name,
    list::{List, PortRange},
    load::{ConfigError, Overrides, defaults, load},
    place::{Place, PlaceError, Watched},
    requests::{CallbackTo, Provider, Receiver, Requests, RequestsIn},
    show::hide,
    units::{ByteSize, Durability, LogFormat, LogLevel, PoolSize, Span, UnitError},
};

/// Every setting. Keys are explained in `config.default.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Config {
    pub data_dir: PathBuf,
    pub api: Api,
    pub redis: Redis,
    pub queue: Queue,
    pub jobs: Jobs,
    pub sanjers: Sanjers,
    pub secrets: Secrets,
    pub network: Network,
    pub requests: Requests,
    pub providers: BTreeMap<String, Provider>,
    pub callbacks: BTreeMap<String, Receiver>,
    pub log: Log,
}

impl Config {
    /// The file with the key that seals secrets.
    pub fn key_file(&self) -> PathBuf {
        if self.secrets.key_file.as_os_str().is_empty() {
            self.data_dir.join("secret.key")
        } else {
            self.secrets.key_file.clone()
        }
    }

    /// The file with the key that signs lists of nodes for DNS.
    pub fn enrtree_key_file(&self) -> PathBuf {
        self.data_dir.join("enrtree.key")
    }
}

/// `[api]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Api {
    pub listen: SocketAddr,
    pub allow_insecure: bool,
    pub read_only: bool,
    pub hosts: String,
    pub max_connections: usize,
    pub header_timeout: Span,
    pub max_body: ByteSize,
    pub max_depth: usize,
    pub timeout: Span,
    pub idempotency_ttl: Span,
    pub max_streams: usize,
}

/// `[redis]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Redis {
    pub url: String,
    pub server: PathBuf,
    pub timeout: Span,
    pub durability: Durability,
    pub replicas: u32,
}

impl Redis {
    /// One that runs already, for who only needs to reach it.
    pub fn at(url: String, timeout: Duration) -> Self {
        Self { url, server: PathBuf::new(), timeout: Span(timeout), durability: Durability::Everysec, replicas: 1 }
    }
}

/// `[queue]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Queue {
    pub shards: u16,
    pub priority_window: Span,
    pub lease: Span,
    pub safety_poll: Span,
    pub max_crashes: u32,
}

/// `[jobs]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Jobs {
    pub retention: Span,
    pub retention_failed: Span,
    pub max_snoozes: u32,
    pub max_checkpoint: ByteSize,
    pub max_log_lines: u32,
    pub log_level: LogLevel,
    pub max_dataset: ByteSize,
    pub max_result: ByteSize,
    pub max_events: u32,
}

/// `[sanjers]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Sanjers {
    pub pools: BTreeMap<String, PoolSize>,
    pub stop_grace: Span,
    pub cancel_grace: Span,
    pub max_cancel_grace: Span,
    pub max_jobs: u64,
    pub max_rss: ByteSize,
}

/// `[secrets]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Secrets {
    pub key_file: PathBuf,
}

/// `[network]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Network {
    pub allow_public: bool,
    pub allow: List<IpNet>,
    pub ports: List<PortRange>,
    pub timeout: Span,
    pub connect_timeout: Span,
    pub max_body: ByteSize,
    pub max_calls: u32,
    pub max_calls_unproven: u32,
    pub retry: Retry,
    pub breaker: Breaker,
}

/// `[network.retry]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Retry {
    pub fetch: List<Span>,
    pub callback: List<Span>,
}

/// `[network.breaker]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Breaker {
    pub window: Span,
    pub min_requests: u32,
    pub failed_percent: u32,
    pub open: Span,
    pub busy: Span,
    pub max_endpoints: u32,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}
