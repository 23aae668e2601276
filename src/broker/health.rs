//! How Redis is, by its own word.

use serde::Serialize;
use tokio::time::Instant;

use super::{Broker, BrokerError};

/// How one server is, or all of them together: sums, and the worst of each.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names of the API, documented in openapi.yaml")]
pub struct Health {
    pub reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxmemory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxmemory_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aof_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_write_status: Option<String>,
    /// Servers that have jobs.
    #[serde(skip)]
    pub servers: usize,
}

impl Health {
    /// Asks every server that has jobs.
    pub async fn ask(broker: &Broker) -> Result<Self, BrokerError> {
        let since = Instant::now();
        broker.query::<(u64, u64)>(&redis::cmd("TIME")).await?;
        let latency = since.elapsed();
        let infos = broker.info().await?;
        let health = infos.iter().map(|info| Self::read(info)).reduce(Self::and).unwrap_or_default();
        Ok(Self { latency_ms: Some(latency.as_secs_f64() * 1000.0), servers: infos.len(), ..health })
    }

    /// What INFO says.
    fn read(info: &str) -> Self {
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
                .filter(|text| !text.is_empty())
        };
        let number = |name: &str| field(name).and_then(|text| text.parse::<u64>().ok());
        let aof = field("aof_enabled") == Some("1");
        let last_write = field(if aof { "aof_last_write_status" } else { "rdb_last_bgsave_status" });
        Self {
            reachable: true,
            version: field("valkey_version").or(field("redis_version")).map(str::to_owned),
            latency_ms: None,
            used_memory_bytes: number("used_memory"),
            maxmemory_bytes: number("maxmemory"),
            maxmemory_policy: field("maxmemory_policy").map(str::to_owned),
            aof_enabled: Some(aof),
            last_write_status: last_write.map(str::to_owned),
            servers: 1,
        }
    }

    /// Two servers of a Cluster as one.
    fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b)).or(a).or(b);
        let worse =
            |a: Option<String>, b: Option<String>, good: &str| if a.as_deref() == Some(good) { b.or(a) } else { a };
        // One without a limit makes all of them have none.
        let limits = (self.maxmemory_bytes, other.maxmemory_bytes);
        let limited = [limits.0, limits.1].iter().all(|limit| limit.is_some_and(|limit| limit > 0));
        Self {
            reachable: self.reachable && other.reachable,
            version: self.version,
            latency_ms: self.latency_ms,
            used_memory_bytes: sum(self.used_memory_bytes, other.used_memory_bytes),
            maxmemory_bytes: if limited { sum(limits.0, limits.1) } else { limits.0.and(Some(0)) },
            maxmemory_policy: worse(self.maxmemory_policy, other.maxmemory_policy, "noeviction"),
            aof_enabled: self.aof_enabled.zip(other.aof_enabled).map(|(a, b)| a && b),
            last_write_status: worse(self.last_write_status, other.last_write_status, "ok"),
            servers: self.servers + other.servers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(memory: u64, limit: u64, policy: &str, aof: bool, status: &str) -> Health {
        Health {
            reachable: true,
            version: Some("7.0.15".into()),
            latency_ms: None,
            used_memory_bytes: Some(memory),
            maxmemory_bytes: Some(limit),
            maxmemory_policy: Some(policy.into()),
            aof_enabled: Some(aof),
            last_write_status: Some(status.into()),
            servers: 1,
        }
    }

    #[test]
    fn info_is_read() {
        let info = "redis_version:7.0.15\r\nused_memory:10\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n\
                    aof_enabled:1\r\naof_last_write_status:ok\r\nrdb_last_bgsave_status:err\r\n";
        assert_eq!(Health::read(info), health(10, 0, "noeviction", true, "ok"));
    }

    #[test]
    fn a_cluster_is_as_well_as_its_worst_server() {
        let (good, bad) = (health(1, 10, "noeviction", true, "ok"), health(2, 20, "allkeys-lru", false, "err"));
        for both in [good.clone().and(bad.clone()), bad.and(good.clone())] {
            assert_eq!(both, Health { servers: 2, ..health(3, 30, "allkeys-lru", false, "err") });
        }
        let unlimited = health(4, 0, "noeviction", true, "ok");
        assert_eq!(good.and(unlimited).maxmemory_bytes, Some(0));
    }
}
