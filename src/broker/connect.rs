//! A connection that outlives restarts of Redis.
//!
//! One task per [`Connection`] (all its clones share it) connects, learns that the link is broken — Redis closed it, a
//! command failed or timed out on it — and connects anew with a backoff. Commands use the link there is; while there
//! is none they fail at once. The crate's own `ConnectionManager` is not used because a stalled Redis never makes it
//! reconnect, and because its callers wait for a whole series of attempts.

use std::{io, sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo as _, Pipeline, ProtocolVersion, PushInfo,
    PushKind, RedisError, RedisFuture, RedisResult, Value,
    aio::{ConnectionLike, MultiplexedConnection, PubSub, SendError},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::BrokerError;
use crate::config;

/// Waits between attempts to connect: the first, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Commands that may wait for the socket before a caller has to wait itself.
const BUFFERED: usize = 512;

/// The way to one Redis. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    client: Client,
    timeout: Duration,
    shared: Connection,
}

/// A connection for commands, shared by its clones. Commands are sent with `query_async` of the redis crate.
#[derive(Clone, Debug)]
pub struct Connection {
    link: watch::Receiver<Link>,
    broken: watch::Sender<u64>,
    timeout: Duration,
    database: i64,
}

/// What there is to send commands on.
#[derive(Clone, Debug)]
enum Link {
    /// An attempt to connect is under way.
    Connecting,
    /// The number tells it from those before it.
    Up(u64, MultiplexedConnection),
    /// The last attempt failed with this; the next comes after a wait.
    Down(Arc<str>),
}

impl Broker {
    /// Connects to `settings.url`. An error means that Redis did not answer now; afterwards connections come back by
    /// themselves.
    pub async fn connect(settings: &config::Redis) -> Result<Self, BrokerError> {
        let info = settings.url.as_str().into_connection_info().map_err(BrokerError::Refused)?;
        // Only RESP3 tells an idle client that its server has gone; every Redis from 6 on speaks it.
        let protocol = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(protocol)).map_err(BrokerError::Refused)?;
        let timeout = settings.timeout.0;
        let broker = Self { shared: Connection::open(client.clone(), timeout), client, timeout };
        broker.shared.clone().link().await.map_err(BrokerError::unreachable)?;
        Ok(broker)
    }

    /// The connection that everything in this process may share. Never send a blocking command on it.
    pub fn connection(&self) -> Connection {
        self.shared.clone()
    }

    /// One command on the shared connection.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BrokerError> {
        Ok(command.query_async(&mut self.connection()).await?)
    }

    /// Several commands in one round trip on the shared connection.
    pub async fn pipeline<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, BrokerError> {
        Ok(commands.query_async(&mut self.connection()).await?)
    }

    /// A connection of its own, for blocking commands; `patience` is how long one of them may take.
    pub fn dedicated(&self, patience: Duration) -> Connection {
        Connection::open(self.client.clone(), patience)
    }

    /// A connection of its own for subscriptions. Its stream ends when Redis goes away: then ask for a new one.
    pub async fn pubsub(&self) -> Result<PubSub, BrokerError> {
        let pubsub = timeout(self.timeout, self.client.get_async_pubsub()).await;
        pubsub.unwrap_or_else(|_| Err(too_slow(self.timeout))).map_err(BrokerError::unreachable)
    }
}

impl Connection {
    fn open(client: Client, timeout: Duration) -> Self {
        let database = client.get_connection_info().redis_settings().db();
        let (links, link) = watch::channel(Link::Connecting);
        let broken = watch::Sender::new(0);
        tokio::spawn(keep(client, timeout, links, broken.clone()));
        Self { link, broken, timeout, database }
    }

    /// The link there is, or the outcome of the attempt that is under way.
    async fn link(&mut self) -> RedisResult<(u64, MultiplexedConnection)> {
        let link = match self.link.wait_for(|link| !matches!(link, Link::Connecting)).await {
            Ok(link) => link.clone(),
            Err(_) => return Err(away("the connection was given up")),
        };
        match link {
            Link::Up(number, link) => Ok((number, link)),
            Link::Down(reason) => Err(away(&reason)),
            Link::Connecting => Err(away("connecting")),
        }
    }

    /// Sends on the link there is, in time, and reports it broken if it turns out to be.
    async fn send<T>(&mut self, ask: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>) -> RedisResult<T> {
        let mut used = None;
        let patience = self.timeout;
        let attempt = async {
            let (number, link) = self.link().await?;
            used = Some(number);
            ask(link).await
        };
        let result = timeout(patience, attempt).await.unwrap_or_else(|_| Err(too_slow(patience)));
        if let (Some(number), Err(error)) = (used, &result)
            && is_link_broken(error)
        {
            report_broken(&self.broken, number);
        }
        result
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.send(async move |mut link| link.send_packed_command(cmd).await))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(self.send(async move |mut link| link.send_packed_commands(pipeline, offset, count).await))
    }

    fn get_db(&self) -> i64 {
        self.database
    }
}

/// Keeps a link up until nobody holds the connection any more.
async fn keep(client: Client, timeout: Duration, links: watch::Sender<Link>, broken: watch::Sender<u64>) {
    let mut reports = broken.subscribe();
    let mut wait = BACKOFF.0;
    // What the log knows: failures before the first success are the caller's to report.
    let (mut was_up, mut is_down) = (false, false);
    for number in 1.. {
        let outcome = tokio::select! {
            () = links.closed() => return,
            outcome = connect(&client, timeout, number, &broken) => outcome,
        };
        let since = Instant::now();
        match outcome {
            Ok(link) => {
                if is_down && was_up {
                    tracing::info!("redis is back");
                }
                (was_up, is_down) = (true, false);
                links.send_replace(Link::Up(number, link));
                tokio::select! {
                    () = links.closed() => return,
                    _ = reports.wait_for(|latest| *latest >= number) => {}
                }
                tracing::debug!("lost the connection to redis");
                links.send_replace(Link::Connecting);
            }
            Err(error) => {
                if was_up && !is_down {
                    tracing::warn!(%error, "redis is unavailable, trying again");
                }
                is_down = true;
                links.send_replace(Link::Down(error.to_string().into()));
            }
        }
        // A link that held deserves a new one at once; one that breaks as soon as it is up counts as a failure.
        if since.elapsed() > BACKOFF.1 {
            wait = BACKOFF.0;
            continue;
        }
        tokio::select! {
            () = links.closed() => return,
            () = sleep(wait) => links.send_replace(Link::Connecting),
        };
        wait = (wait * 2).min(BACKOFF.1);
    }
}

async fn connect(
    client: &Client,
    patience: Duration,
    number: u64,
    broken: &watch::Sender<u64>,
) -> RedisResult<MultiplexedConnection> {
    let broken = broken.clone();
    let config = AsyncConnectionConfig::new()
        .set_pipeline_buffer_size(BUFFERED)
        // Both are bounded by `timeout` below and in `Connection::send`.
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_push_sender(move |push: PushInfo| -> Result<(), SendError> {
            if push.kind == PushKind::Disconnection {
                report_broken(&broken, number);
            }
            Ok(())
        });
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    timeout(patience, connecting).await.unwrap_or_else(|_| Err(too_slow(patience)))
}

fn report_broken(broken: &watch::Sender<u64>, number: u64) {
    broken.send_if_modified(|latest| {
        let newer = *latest < number;
        *latest = number.max(*latest);
        newer
    });
}

/// Whether the link is of no use any more. A demoted master answers, but another connection may find the new one.
fn is_link_broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || error.code() == Some("READONLY")
}

fn away(reason: &str) -> RedisError {
    io::Error::new(io::ErrorKind::NotConnected, reason).into()
}

fn too_slow(patience: Duration) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {}", config::Span(patience))).into()
}
