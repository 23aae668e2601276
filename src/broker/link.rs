//! A link to one server that outlives its restarts.
//!
//! One task per [`Link`] (all its clones share it) connects, learns that the connection is broken — Redis closed it, a
//! command failed or timed out on it, the server is a primary no more — and connects anew with a backoff. Commands use
//! the connection there is; while there is none they fail at once. The crate's own `ConnectionManager` is not used
//! because a stalled Redis never makes it reconnect, and because its callers wait for a whole series of attempts.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult, Value,
    aio::{MultiplexedConnection, SendError},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{error, sentinel::Sentinels};
use crate::config;

/// Waits between attempts to connect: the first, and the longest.
pub(super) const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Commands that may wait for the socket before a caller has to wait itself.
const BUFFERED: usize = 512;

/// Where a link leads.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Always to the same server.
    Fixed(Arc<Client>),
    /// To whatever server is the primary when it connects.
    Primary(Arc<Sentinels>),
}

/// One server, as far as it is there. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Link {
    state: watch::Receiver<State>,
    broken: watch::Sender<u64>,
    follows: bool,
}

/// What there is to send commands on.
#[derive(Clone, Debug)]
enum State {
    /// An attempt to connect is under way.
    Connecting,
    Up(Up),
    /// The last attempt failed with this; the next comes after a wait.
    Down(Arc<str>),
}

/// A connection that is up.
#[derive(Clone, Debug)]
pub(super) struct Up {
    /// Tells it from those before it.
    number: u64,
    connection: MultiplexedConnection,
    /// The server at its other end.
    pub(super) client: Arc<Client>,
}

/// Whose task it is to keep a link up.
struct Keeper {
    way: Way,
    patience: Duration,
    states: watch::Sender<State>,
    broken: watch::Sender<u64>,
    /// Counts how often it, or one of those that share it, came up.
    ups: Arc<AtomicU64>,
}

impl Way {
    async fn connect(&self, config: &AsyncConnectionConfig) -> RedisResult<(Arc<Client>, MultiplexedConnection)> {
        match self {
            Self::Fixed(client) => {
                Ok((client.clone(), client.get_multiplexed_async_connection_with_config(config).await?))
            }
            Self::Primary(sentinels) => sentinels.connect(config).await,
        }
    }

    /// Waits until it leads elsewhere than to this server.
    async fn replaced(&self, client: &Client) {
        match self {
            Self::Fixed(_) => std::future::pending().await,
            Self::Primary(sentinels) => sentinels.replaced(client).await,
        }
    }

    /// For the log.
    fn shown(&self) -> String {
        match self {
            Self::Fixed(client) => client.get_connection_info().addr().to_string(),
            Self::Primary(sentinels) => sentinels.name().to_owned(),
        }
    }
}

impl Link {
    /// A link whose attempts to connect take at most `patience`; `ups` counts how often it comes up.
    pub(super) fn open(way: Way, patience: Duration, ups: Arc<AtomicU64>) -> Self {
        let (states, state) = watch::channel(State::Connecting);
        let broken = watch::Sender::new(0);
        let follows = matches!(way, Way::Primary(_));
        tokio::spawn(Keeper { way, patience, states, broken: broken.clone(), ups }.run());
        Self { state, broken, follows }
    }

    /// The connection there is, or the outcome of the attempt that is under way.
    pub(super) async fn up(&mut self) -> RedisResult<Up> {
        let state = match self.state.wait_for(|state| !matches!(state, State::Connecting)).await {
            Ok(state) => state.clone(),
            Err(_) => return Err(away("the connection was given up")),
        };
        match state {
            State::Up(up) => Ok(up),
            State::Down(reason) => Err(away(&reason)),
            State::Connecting => Err(away("connecting")),
        }
    }

    /// Waits until a connection that was up is up no more.
    pub(super) async fn lost(&mut self, up: Up) {
        // An error means that nobody keeps it any more, which is the same.
        self.state.wait_for(|state| !matches!(state, State::Up(now) if now.number == up.number)).await.ok();
    }

    /// Sends on the connection there is, in time, and reports it broken if it turns out to be.
    pub(super) async fn send<T: Answer>(
        &mut self,
        until: Instant,
        patience: Duration,
        ask: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> RedisResult<T> {
        let mut used = None;
        let attempt = async {
            let up = self.up().await?;
            used = Some(up.number);
            ask(up.connection).await
        };
        let result = timeout_at(until, attempt).await.unwrap_or_else(|_| Err(too_slow(patience)));
        if let Some(number) = used
            && self.is_broken(&result)
        {
            report_broken(&self.broken, number);
        }
        result
    }

    /// Whether the connection is of no use any more. A demoted primary answers, but another connection may find the
    /// new one.
    fn is_broken<T: Answer>(&self, result: &RedisResult<T>) -> bool {
        let is_gone = |error: &RedisError| error.is_io_error() || error.is_unrecoverable_error();
        let is_demoted = |code: &str| {
            code == "READONLY" || (self.follows && ["MASTERDOWN", "LOADING", "NOREPLICAS"].contains(&code))
        };
        match result {
            Err(error) => is_gone(error) || error.code().is_some_and(is_demoted),
            Ok(answer) => answer.codes().any(is_demoted),
        }
    }
}

/// What comes back of a command or of several: errors that Redis answered are values here.
pub(super) trait Answer {
    /// The codes of the errors in it.
    fn codes(&self) -> impl Iterator<Item = &str>;
}

impl Answer for Value {
    fn codes(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::ServerError(error) => Some(error::code(error)),
            _ => None,
        }
        .into_iter()
    }
}

impl Answer for Vec<Value> {
    fn codes(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(Answer::codes)
    }
}

impl Keeper {
    /// Keeps a connection up until nobody holds the link any more.
    async fn run(self) {
        let mut reports = self.broken.subscribe();
        let mut wait = BACKOFF.0;
        // What the log knows: failures before the first success are the caller's to report.
        let (mut was_up, mut is_down) = (false, false);
        for number in 1.. {
            let outcome = tokio::select! {
                () = self.states.closed() => return,
                outcome = self.connect(number) => outcome,
            };
            let since = Instant::now();
            match outcome {
                Ok((client, connection)) => {
                    if is_down && was_up {
                        tracing::info!(redis = %client.get_connection_info().addr(), "redis is back");
                    }
                    (was_up, is_down) = (true, false);
                    self.ups.fetch_add(1, Ordering::Relaxed);
                    self.states.send_replace(State::Up(Up { number, connection, client: client.clone() }));
                    tokio::select! {
                        () = self.states.closed() => return,
                        () = self.way.replaced(&client) => tracing::info!("another redis is the primary now"),
                        _ = reports.wait_for(|latest| *latest >= number) => {
                            tracing::debug!("lost the connection to redis");
                        }
                    }
                    self.states.send_replace(State::Connecting);
                }
                Err(error) => {
                    if was_up && !is_down {
                        tracing::warn!(%error, redis = self.way.shown(), "redis is unavailable, trying again");
                    }
                    is_down = true;
                    self.states.send_replace(State::Down(error.to_string().into()));
                }
            }
            // A link that held deserves a new one at once; one that breaks as soon as it is up counts as a failure.
            if since.elapsed() > BACKOFF.1 {
                wait = BACKOFF.0;
                continue;
            }
            tokio::select! {
                () = self.states.closed() => return,
                () = sleep(wait) => self.states.send_replace(State::Connecting),
            };
            wait = (wait * 2).min(BACKOFF.1);
        }
    }

    async fn connect(&self, number: u64) -> RedisResult<(Arc<Client>, MultiplexedConnection)> {
        let broken = self.broken.clone();
        let config = unbounded().set_pipeline_buffer_size(BUFFERED).set_push_sender(
            move |push: PushInfo| -> Result<(), SendError> {
                if push.kind == PushKind::Disconnection {
                    report_broken(&broken, number);
                }
                Ok(())
            },
        );
        let connecting = timeout(self.patience, self.way.connect(&config));
        connecting.await.unwrap_or_else(|_| Err(too_slow(self.patience)))
    }
}

/// For connections whose every use is bounded by those who use them.
pub(super) fn unbounded() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

fn report_broken(broken: &watch::Sender<u64>, number: u64) {
    broken.send_if_modified(|latest| {
        let newer = *latest < number;
        *latest = number.max(*latest);
        newer
    });
}

pub(super) fn away(reason: &str) -> RedisError {
    io::Error::new(io::ErrorKind::NotConnected, reason).into()
}

pub(super) fn too_slow(patience: Duration) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {}", config::Span(patience))).into()
}
