//! Asking Sentinels which server is the primary.
//!
//! All of them are asked at once. The servers they name are tried in the order of votes, and the first that says of
//! itself that it is a primary is taken: a Sentinel that was cut off may still name the old one, and the newest one's
//! word does not reach all others in the same moment.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use redis::{AsyncConnectionConfig, Client, RedisResult, Value, aio::MultiplexedConnection};
use tokio::time::timeout;

use super::link::{away, too_slow, unbounded};
use crate::config::Watched;

/// How long one Sentinel, and one server that was named, may take: some may hang, and the next is to have its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// The Sentinels of one primary.
#[derive(Debug)]
pub(super) struct Sentinels {
    clients: Vec<Client>,
    watched: Watched,
    patience: Duration,
}

impl Sentinels {
    pub(super) fn new(watched: Watched, patience: Duration) -> RedisResult<Self> {
        let clients = watched.sentinels.iter().cloned().map(Client::open).collect::<Result<_, _>>()?;
        Ok(Self { clients, watched, patience: patience.min(PATIENCE) })
    }

    /// What they call the primary.
    pub(super) fn name(&self) -> &str {
        &self.watched.name
    }

    /// Connects to the primary of now.
    pub(super) async fn connect(
        &self,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<(Arc<Client>, MultiplexedConnection)> {
        let answers = join_all(self.clients.iter().map(|client| self.bounded(self.ask(client)))).await;
        let mut last = None;
        let mut named: Vec<((String, u16), usize)> = Vec::new();
        for answer in answers {
            match answer {
                Ok(Some(server)) => match named.iter_mut().find(|(known, _)| *known == server) {
                    Some((_, votes)) => *votes += 1,
                    None => named.push((server, 1)),
                },
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
        }
        if named.is_empty() {
            let name = self.name();
            return Err(match last {
                Some(error) => away(&format!("no sentinel names a primary of {name}: {error}")),
                None => away(&format!("the sentinels know no primary of the name {name}")),
            });
        }
        named.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
        for ((host, port), _) in named {
            match self.bounded(self.try_server(&host, port, config)).await {
                Ok(found) => return Ok(found),
                Err(error) => last = Some(away(&format!("{host}:{port}, which the sentinels name: {error}"))),
            }
        }
        Err(last.unwrap_or_else(|| away("the sentinels name nobody")))
    }

    /// What one Sentinel says.
    async fn ask(&self, client: &Client) -> RedisResult<Option<(String, u16)>> {
        let mut sentinel = client.get_multiplexed_async_connection_with_config(&unbounded()).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(self.name());
        command.query_async(&mut sentinel).await
    }

    async fn try_server(
        &self,
        host: &str,
        port: u16,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<(Arc<Client>, MultiplexedConnection)> {
        let client = Arc::new(super::connect::client(self.watched.server(host, port)?)?);
        let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
        let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        match role.first().map(redis::from_redis_value_ref::<String>) {
            Some(Ok(role)) if role == "master" => Ok((client, connection)),
            _ => Err(away("it is no primary")),
        }
    }

    async fn bounded<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        timeout(self.patience, work).await.unwrap_or_else(|_| Err(too_slow(self.patience)))
    }
}
