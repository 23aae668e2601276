//! Which server of a Cluster has which slots, as far as it is known.
//!
//! Whoever meets a redirect, a lost link or `CLUSTERDOWN` says that the map is in doubt; one task then asks the servers
//! anew, several at once, and believes what most of them say: one that was cut off knows only what was.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use rand::seq::SliceRandom as _;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisResult, Value, aio::PubSub};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{
    connect,
    link::{BACKOFF, away, too_slow, unbounded},
    slots::{Address, Slots},
};

/// How many servers are asked at once.
const ASKED: usize = 9;

/// How long one of them may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The map of one Cluster.
#[derive(Debug)]
pub(super) struct Map {
    servers: Servers,
    slots: watch::Receiver<Arc<Slots>>,
    doubts: mpsc::Sender<()>,
}

/// How its servers are reached.
#[derive(Clone, Debug)]
struct Servers {
    /// Those of the configuration.
    seeds: Vec<Client>,
    /// A server like those, but for its address.
    like: ConnectionInfo,
    patience: Duration,
}

impl Map {
    /// Learns the map from one of these servers.
    pub(super) async fn learn(seeds: Vec<ConnectionInfo>, patience: Duration) -> RedisResult<Arc<Self>> {
        let like = seeds.first().cloned().ok_or_else(|| away("no server of the cluster is named"))?;
        let seeds = seeds.into_iter().map(connect::client).collect::<RedisResult<_>>()?;
        let servers = Servers { seeds, like, patience: patience.min(PATIENCE) };
        let (tell, slots) = watch::channel(Arc::new(servers.ask(&Slots::default()).await?));
        let (doubts, doubted) = mpsc::channel(1);
        tokio::spawn(keep(servers.clone(), tell, doubted));
        Ok(Arc::new(Self { servers, slots, doubts }))
    }

    /// As it is known now.
    pub(super) fn slots(&self) -> Arc<Slots> {
        self.slots.borrow().clone()
    }

    /// Has it learnt anew, soon.
    pub(super) fn doubt(&self) {
        // Full means that somebody said so already.
        self.doubts.try_send(()).ok();
    }

    /// The way to one server.
    pub(super) fn client(&self, server: &Address) -> RedisResult<Client> {
        self.servers.client(server)
    }

    /// A connection for subscriptions to any of the servers, for what is published is told to all.
    pub(super) async fn pubsub(&self) -> RedisResult<PubSub> {
        let mut last = away("no server of the cluster is known");
        for client in self.servers.some(&self.slots()) {
            let subscribing = timeout(self.servers.patience, client.get_async_pubsub()).await;
            match subscribing.unwrap_or_else(|_| Err(too_slow(self.servers.patience))) {
                Ok(pubsub) => return Ok(pubsub),
                Err(error) => last = error,
            }
        }
        self.doubt();
        Err(last)
    }

    /// Waits until slots have moved.
    pub(super) fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut slots = self.slots.clone();
        slots.mark_unchanged();
        async move {
            // An error means that nobody keeps the map any more.
            slots.changed().await.ok();
        }
    }
}

/// Learns the map anew whenever it is in doubt, until nobody has it any more.
async fn keep(servers: Servers, slots: watch::Sender<Arc<Slots>>, mut doubted: mpsc::Receiver<()>) {
    let mut wait = BACKOFF.0;
    while doubted.recv().await.is_some() {
        let known = slots.borrow().clone();
        match servers.ask(&known).await {
            Ok(learnt) => {
                wait = BACKOFF.0;
                if learnt != *known {
                    tracing::info!("the cluster has changed");
                    slots.send_replace(Arc::new(learnt));
                }
            }
            Err(error) => {
                wait = (wait * 2).min(BACKOFF.1);
                tracing::debug!(%error, "no server of the cluster says who has what");
            }
        }
        // Whatever goes wrong while slots move, the servers are not asked in a loop.
        sleep(wait).await;
    }
}

impl Servers {
    fn client(&self, (host, port): &Address) -> RedisResult<Client> {
        let (host, port) = (host.clone(), *port);
        let address = match self.like.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        let info = address.into_connection_info()?.set_redis_settings(self.like.redis_settings().clone());
        connect::client(info)
    }

    /// Some servers to ask: known ones in any order, then those of the configuration.
    fn some(&self, known: &Slots) -> Vec<Client> {
        let mut some: Vec<_> = known.primaries().into_iter().filter_map(|server| self.client(server).ok()).collect();
        some.shuffle(&mut rand::rng());
        some.truncate(ASKED - ASKED / 3);
        some.extend(self.seeds.iter().cloned());
        some.truncate(ASKED);
        some
    }

    /// What most of some servers say.
    async fn ask(&self, known: &Slots) -> RedisResult<Slots> {
        let some = self.some(known);
        let answers = join_all(some.iter().map(|client| async {
            let asked = timeout(self.patience, ask(client)).await;
            asked.unwrap_or_else(|_| Err(too_slow(self.patience)))
        }));
        let mut last = away("no server of the cluster knows who has what");
        let mut votes: Vec<(Slots, usize)> = Vec::new();
        for answer in answers.await {
            match answer {
                Ok(slots) if slots.primaries().is_empty() => {}
                Ok(slots) => match votes.iter_mut().find(|(known, _)| *known == slots) {
                    Some((_, count)) => *count += 1,
                    None => votes.push((slots, 1)),
                },
                Err(error) => last = error,
            }
        }
        votes.into_iter().max_by_key(|(_, count)| *count).map(|(slots, _)| slots).ok_or(last)
    }
}

async fn ask(client: &Client) -> RedisResult<Slots> {
    let mut connection = client.get_multiplexed_async_connection_with_config(&unbounded()).await?;
    let answer: Vec<Value> = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
    let host = match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.as_str(),
        _ => "",
    };
    Ok(Slots::read(&answer, host))
}
