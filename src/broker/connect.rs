//! One connection to Redis that every part of a process shares.

use std::time::Duration;

use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, Script, ServerErrorKind,
    aio::{ConnectionManager, ConnectionManagerConfig, PubSub},
};

use crate::{job::Shard, queue::keys};

/// The shared connection. Cheap to clone; commands of all clones are pipelined on one socket.
#[derive(Clone)]
pub struct Broker {
    client: Client,
    commands: ConnectionManager,
}

/// Why a command brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Redis cannot be reached, does not answer in time or is not ready; it may be later.
    #[error("redis is not available: {0}")]
    Unavailable(#[source] RedisError),
    /// Redis answered, and said no.
    #[error("redis refused: {0}")]
    Refused(#[source] RedisError),
    /// The URL or the settings of the connection are wrong.
    #[error("redis.url: {0}")]
    Url(#[source] RedisError),
}

impl From<RedisError> for BrokerError {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io
            | ErrorKind::AuthenticationFailed
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly,
            ) => Self::Unavailable(error),
            // Full memory under `noeviction`, and persistence that cannot write: both pass.
            _ if matches!(error.code(), Some("OOM" | "MISCONF" | "NOAUTH" | "WRONGPASS")) => Self::Unavailable(error),
            _ => Self::Refused(error),
        }
    }
}

impl Broker {
    /// Prepares the connection; it is made at the first command and made anew whenever it breaks.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, BrokerError> {
        let client = Client::open(url).map_err(BrokerError::Url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(3)
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(Duration::from_millis(500));
        let commands = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(BrokerError::Url)?;
        Ok(Self { client, commands })
    }

    /// One command.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BrokerError> {
        Ok(command.query_async(&mut self.commands.clone()).await?)
    }

    /// Several commands in one round trip.
    pub async fn pipeline<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, BrokerError> {
        Ok(commands.query_async(&mut self.commands.clone()).await?)
    }

    /// A script on one shard; sent by its hash, and in full when Redis does not know it (any more).
    pub async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        shard: Shard,
        arguments: &[impl redis::ToRedisArgs],
    ) -> Result<T, BrokerError> {
        let mut call = script.key(keys::prefix(shard));
        for argument in arguments {
            call.arg(argument);
        }
        Ok(call.invoke_async(&mut self.commands.clone()).await?)
    }

    /// A connection of its own for subscriptions, which cannot be shared.
    pub async fn subscriber(&self) -> Result<PubSub, BrokerError> {
        Ok(self.client.get_async_pubsub().await?)
    }

    /// A connection of its own for reads that block on the server.
    pub async fn blocking_reader(&self) -> Result<redis::aio::MultiplexedConnection, BrokerError> {
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        Ok(self.client.get_multiplexed_async_connection_with_config(&config).await?)
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client knows the password.
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}
