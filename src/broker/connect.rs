//! The way to Redis and the connections there are: to one server, to a primary that Sentinels name, or to a Cluster.
//! Who sends commands need not know which.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, Pipeline, ProtocolVersion, RedisError, RedisFuture,
    RedisResult, Value, aio::ConnectionLike,
};
use tokio::time::{Instant, timeout};

use super::{
    BrokerError, Subscription,
    cluster::Cluster,
    link::{Link, Way, too_slow},
    map::Map,
    sentinel::Sentinels,
};
use crate::config::{self, Place};

/// The way to one Redis, of however many servers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    there: There,
    timeout: Duration,
    shared: Connection,
}

/// Where new connections lead.
#[derive(Clone, Debug)]
enum There {
    One(Way),
    Cluster(Arc<Map>),
}

/// A connection for commands, shared by its clones. Commands are sent with `query_async` of the redis crate.
#[derive(Clone, Debug)]
pub struct Connection {
    sender: Sender,
    timeout: Duration,
    database: i64,
    ups: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
enum Sender {
    Link(Link),
    Cluster(Cluster),
}

impl Broker {
    /// Connects to `settings.url`. An error means that Redis did not answer now; afterwards connections come back by
    /// themselves.
    pub async fn connect(settings: &config::Redis) -> Result<Self, BrokerError> {
        let timeout = settings.timeout.0;
        let place = Place::parse(&settings.url).map_err(|error| {
            BrokerError::Refused(RedisError::from((ErrorKind::InvalidClientConfig, "redis.url", error.to_string())))
        })?;
        let (there, database) = match place {
            Place::Server(info) => {
                let database = info.redis_settings().db();
                (There::One(Way::Fixed(Arc::new(client(*info).map_err(BrokerError::Refused)?))), database)
            }
            Place::Sentinels(watched) => {
                let database = watched.login.db();
                let sentinels = Sentinels::new(watched, timeout).map_err(BrokerError::Refused)?;
                (There::One(Way::Primary(sentinels)), database)
            }
            Place::Cluster(seeds) => {
                (There::Cluster(Map::learn(seeds, timeout).await.map_err(BrokerError::unreachable)?), 0)
            }
        };
        let shared = Connection::open(&there, timeout, database);
        if let Sender::Link(link) = &shared.sender {
            link.clone().up().await.map_err(BrokerError::unreachable)?;
        }
        Ok(Self { there, timeout, shared })
    }

    /// The connection that everything in this process may share. Never send a blocking command on it.
    pub fn connection(&self) -> Connection {
        self.shared.clone()
    }

    /// How often the shared connection, or one of those that it consists of, has come up. Behind a new one may be a
    /// Redis that has forgotten what the one before had confirmed: a replica that took over, or a file that was behind.
    pub fn connected(&self) -> u64 {
        self.shared.ups.load(Ordering::Relaxed)
    }

    /// One command on the shared connection.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BrokerError> {
        Ok(command.query_async(&mut self.connection()).await?)
    }

    /// Several commands in one round trip on the shared connection; in one to each server, if there are several.
    pub async fn pipeline<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, BrokerError> {
        Ok(commands.query_async(&mut self.connection()).await?)
    }

    /// Whether its keys are shared among several servers.
    pub fn is_cluster(&self) -> bool {
        matches!(self.there, There::Cluster(_))
    }

    /// `INFO` of every server that has jobs; an error if one of them does not answer.
    pub async fn info(&self) -> Result<Vec<String>, BrokerError> {
        let command = redis::cmd("INFO");
        let Sender::Cluster(cluster) = &self.shared.sender else { return Ok(vec![self.query(&command).await?]) };
        let read = |value: Value| Ok(redis::from_redis_value(value.extract_error()?)?);
        let answers = cluster.request_everywhere(&command).await?;
        answers.into_iter().map(read).collect::<RedisResult<_>>().map_err(BrokerError::from)
    }

    /// A connection of its own, for blocking commands; `patience` is how long one of them may take.
    pub fn dedicated(&self, patience: Duration) -> Connection {
        Connection::open(&self.there, patience, self.shared.database)
    }

    /// A connection of its own for subscriptions. It ends when Redis goes away: then ask for a new one.
    pub async fn pubsub(&self) -> Result<Subscription, BrokerError> {
        let subscribing = async {
            match &self.shared.sender {
                Sender::Link(link) => {
                    let mut link = link.clone();
                    let up = link.up().await?;
                    let pubsub = up.client.get_async_pubsub().await?;
                    Ok(Subscription::new(pubsub, async move { link.lost(up).await }))
                }
                Sender::Cluster(Cluster { map, .. }) => {
                    let changed = map.changed();
                    Ok(Subscription::new(map.pubsub().await?, changed))
                }
            }
        };
        let subscribed = timeout(self.timeout, subscribing).await;
        subscribed.unwrap_or_else(|_| Err(too_slow(self.timeout))).map_err(BrokerError::unreachable)
    }
}

impl Connection {
    fn open(there: &There, timeout: Duration, database: i64) -> Self {
        let ups = Arc::<AtomicU64>::default();
        let sender = match there {
            There::One(way) => Sender::Link(Link::open(way.clone(), timeout, ups.clone())),
            There::Cluster(map) => Sender::Cluster(Cluster::open(map.clone(), timeout, ups.clone())),
        };
        Self { sender, timeout, database, ups }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let until = Instant::now() + self.timeout;
        match &mut self.sender {
            Sender::Link(link) => Box::pin(
                link.send(until, self.timeout, async move |mut connection| connection.send_packed_command(cmd).await),
            ),
            Sender::Cluster(cluster) => Box::pin(cluster.request(cmd)),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let until = Instant::now() + self.timeout;
        match &mut self.sender {
            Sender::Link(link) => Box::pin(link.send(until, self.timeout, async move |mut connection| {
                connection.send_packed_commands(pipeline, offset, count).await
            })),
            Sender::Cluster(cluster) => Box::pin(cluster.request_all(pipeline, offset, count)),
        }
    }

    fn get_db(&self) -> i64 {
        self.database
    }
}

/// The way to one server. Only RESP3 tells an idle client that its server has gone; every Redis from 6 on speaks it.
pub(super) fn client(info: ConnectionInfo) -> RedisResult<Client> {
    let protocol = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(protocol))
}
