//! Whether the Redis that answers is fit for jobs.

use std::{fmt, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Broker, BrokerError};

/// The oldest version that has everything the scripts use.
const OLDEST: (u32, u32) = (6, 2);

/// How often a loading Redis is asked again, and how often that is logged.
const LOADING: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What answers at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// `redis` or `valkey`.
    pub name: &'static str,
    /// Its version, as it says it.
    pub version: String,
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// This Redis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It does not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// It lacks commands.
    #[error("{0} is too old: redis 6.2 or newer, or valkey, is needed")]
    TooOld(Software),
    /// It has only some of the keys.
    #[error("this redis is one of a cluster: redis.url must name it as redis+cluster://HOST:PORT,…")]
    OfACluster,
}

/// Waits while Redis loads its data, checks its version, and warns if it may throw jobs away. Of a Cluster, every
/// server that has slots is asked; what is told of it is the oldest version.
pub async fn check(broker: &Broker) -> Result<Software, CheckError> {
    let infos = loaded(broker).await?;
    let mut oldest: Option<Software> = None;
    for info in &infos {
        let software = software(info);
        if !is_new_enough(&software) {
            return Err(CheckError::TooOld(software));
        }
        if oldest.as_ref().is_none_or(|oldest| numbers(&software.version) < numbers(&oldest.version)) {
            oldest = Some(software);
        }
    }
    let of_all = |name| infos.iter().filter_map(move |info| field(info, name));
    if !broker.is_cluster() && of_all("cluster_enabled").any(|enabled| enabled == "1") {
        return Err(CheckError::OfACluster);
    }
    if let Some(policy) = of_all("maxmemory_policy").find(|policy| *policy != "noeviction") {
        tracing::warn!(
            policy,
            "this redis drops keys when it is full, jobs among them; set maxmemory-policy noeviction"
        );
    }
    Ok(oldest.unwrap_or_else(|| software("")))
}

/// What Redis says of itself, once it has its data in memory.
async fn loaded(broker: &Broker) -> Result<Vec<String>, BrokerError> {
    let mut logged: Option<Instant> = None;
    loop {
        let infos = broker.info().await?;
        let Some(info) = infos.iter().find(|info| field(info, "loading").unwrap_or("0") != "0") else {
            return Ok(infos);
        };
        if logged.is_none_or(|at| at.elapsed() >= LOADING.1) {
            logged = Some(Instant::now());
            tracing::info!(percent = field(info, "loading_loaded_perc"), "redis is loading its data");
        }
        sleep(LOADING.0).await;
    }
}

/// One field of what INFO says.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

fn software(info: &str) -> Software {
    // Valkey claims a redis_version too, for the sake of old clients.
    let valkey = field(info, "valkey_version").map(|version| ("valkey", version));
    let redis = field(info, "redis_version").map(|version| ("redis", version));
    let (name, version) = valkey.or(redis).unwrap_or(("redis", "of unknown version"));
    Software { name, version: version.to_owned() }
}

fn is_new_enough(software: &Software) -> bool {
    let version = numbers(&software.version);
    // A service that hides its version is believed.
    software.version == "of unknown version" || software.name == "valkey" || version >= OLDEST
}

/// The first two numbers of a version.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        for (info, name, fit) in [
            ("redis_version:6.2.0\r\nredis_mode:standalone\r\n", "redis 6.2.0", true),
            ("# Server\r\nredis_version:7.0.15\r\n", "redis 7.0.15", true),
            ("redis_version:6.0.16\r\n", "redis 6.0.16", false),
            ("redis_version:5.0.7\r\n", "redis 5.0.7", false),
            ("redis_version:10.0.0\r\n", "redis 10.0.0", true),
            ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.3\r\n", "valkey 8.1.3", true),
            ("", "redis of unknown version", true),
        ] {
            let software = software(info);
            assert_eq!(software.to_string(), name);
            assert_eq!(is_new_enough(&software), fit, "{name}");
        }
    }
}
