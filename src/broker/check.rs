//! Whether the Redis that answers is fit for jobs.

use std::{fmt, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Broker, BrokerError, Connection};

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
}

/// Waits while Redis loads its data, checks its version, and warns if it may throw jobs away.
pub async fn check(broker: &Broker) -> Result<Software, CheckError> {
    let mut connection = broker.connection();
    loaded(&mut connection).await?;
    let info = info(&mut connection).await?;
    let software = software(&info);
    if !is_new_enough(&software) {
        return Err(CheckError::TooOld(software));
    }
    let policy = field(&info, "maxmemory_policy").unwrap_or("noeviction");
    if policy != "noeviction" {
        tracing::warn!(
            policy,
            "this redis drops keys when it is full, jobs among them; set maxmemory-policy noeviction"
        );
    }
    Ok(software)
}

/// Waits until Redis has its data in memory.
async fn loaded(connection: &mut Connection) -> Result<(), BrokerError> {
    let mut logged: Option<Instant> = None;
    loop {
        let info = info(connection).await?;
        if field(&info, "loading").unwrap_or("0") == "0" {
            return Ok(());
        }
        if logged.is_none_or(|at| at.elapsed() >= LOADING.1) {
            logged = Some(Instant::now());
            tracing::info!(percent = field(&info, "loading_loaded_perc"), "redis is loading its data");
        }
        sleep(LOADING.0).await;
    }
}

async fn info(connection: &mut Connection) -> Result<String, BrokerError> {
    Ok(redis::cmd("INFO").query_async(connection).await?)
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
    let mut parts = software.version.split('.').map(|part| part.parse().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    // A service that hides its version is believed.
    software.version == "of unknown version" || software.name == "valkey" || version >= OLDEST
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
