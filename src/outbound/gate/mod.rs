//! Politeness that all processes share: whom to leave alone for a while. And what a process owes its own jobs: that no
//! endpoint holds more of its slots than it deserves ([`crowd`]).
//!
//! In: before each call its endpoint, after it how it ended. Out: go, or wait. An endpoint that says it is busy (429, or
//! 503 with `Retry-After`) is left alone until it wants to be asked again; one that fails most calls is left alone by a
//! circuit breaker, which then lets one call try it.
//!
//! ```text
//! closed ──≥ min_requests in window, ≥ failed_percent failed──▶ open ──after `open`──▶ trial ──one call is well──▶ closed
//!                                                                 ▲______one call fails_____|
//! ```
//!
//! | key after `{etlas:<shard>}:outbound:` | type | holds |
//! |---|---|---|
//! | `host:<scheme>://<host>:<port>` | hash | `seen`, `not_before`, `open_until`, `trial_until` (ms since 1970), `trial` (number of the last), `trips`, `slices` (`number:answered:failed`, ten at most) |
//! | `hosts` | zset | endpoints of which something is known, by when it was last heard of; `max_endpoints` at most |
//!
//! Invariants: nothing is kept of who is well, so that calls of healthy endpoints write nothing; keys expire when they say
//! nothing any more (`window` after the last call, or later if the endpoint wants to be left alone for longer); however
//! many endpoints strangers name, at most `max_endpoints` are kept in a shard, the longest unheard of forgotten first.
//! Times come from Redis alone.

mod crowd;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    time::{Duration, Instant},
};

use redis::{Cmd, FromRedisValue};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub(super) use self::crowd::Crowd;
use super::{Client, Endpoint, Error, Outcome, Request, Response};
use crate::{
    broker::{Broker, BrokerError, Script, script},
    config,
};

/// Beyond what a call may take, how long a trial counts as under way: its process may be slow to say how it ended.
const TRIAL_GRACE: Duration = Duration::from_secs(5);

/// How much longer than asked for a wait may be: many who wait for one endpoint shall not come back at once.
const SPREAD: f64 = 0.2;

/// The gate before endpoints of strangers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate {
    broker: Broker,
    shards: u16,
    settings: config::Breaker,
    crowd: Crowd,
    /// The longest a call may take.
    patience: Duration,
}

/// Whether a call may be made now.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// It may; how it ended is told to [`Gate::leave`].
    Go(Pass),
    /// Not now, which is nobody's failure.
    Wait(Wait),
}

/// A call that may be made.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    endpoint: Endpoint,
    /// Whether anything is known of the endpoint.
    is_known: bool,
    /// Its number, if an open breaker lets it try.
    trial: Option<u64>,
}

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// After this.
    pub after: Duration,
    /// Why.
    pub because: Because,
}

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The endpoint asked for it.
    Busy,
    /// Its breaker is open.
    Open,
    /// This process has as many calls of it under way as it may.
    Crowded,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the other side wants to be left alone for a while",
            Self::Open => "calls of the other side fail, and are not made for a while",
            Self::Crowded => "enough calls of the other side are under way",
        })
    }
}

/// How a call ended, for the endpoint's reputation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answered, whatever it said.
    Well,
    /// It failed: no answer, none in time, 408, 5xx.
    Unwell,
    /// It wants to be left alone for a while.
    Busy(Duration),
    /// The call says nothing about it: refused here, or too large.
    Unknown,
}

/// A call that was made, or was not.
#[derive(Debug)]
pub enum Reply {
    /// It was, and there is an answer.
    Answered(Box<Response>),
    /// It was, and there is none.
    Failed(Error),
    /// It was not; costs no attempt.
    Wait(Wait),
}

/// What is known of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reputation {
    /// Where its breaker stands.
    pub breaker: Breaker,
    /// Calls in the window that were answered, since the first that failed.
    pub answered: u64,
    /// Calls in the window that failed.
    pub failed: u64,
    /// How often in a row its breaker has opened.
    pub trips: u64,
    /// Milliseconds for which it wants to be left alone.
    pub not_before_ms: u64,
    /// Milliseconds for which its breaker stays open.
    pub open_ms: u64,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// Calls are made.
    Closed,
    /// None is made.
    Open,
    /// One is made, or the next one is; it decides.
    Trial,
}

impl Gate {
    pub(super) fn new(broker: Broker, shards: u16, network: &config::Network, crowd: Crowd) -> Self {
        Self { broker, shards, settings: network.breaker, crowd, patience: network.timeout.0 }
    }

    /// Makes a call if it may be made now, and takes down how it ended.
    pub async fn call(&self, client: &Client, request: Request) -> Result<Reply, BrokerError> {
        let endpoint = Endpoint::of(&request.url);
        let seat = match self.crowd.enter(&endpoint, Instant::now()) {
            Ok(seat) => seat,
            Err(after) => return Ok(Reply::Wait(Wait { after: spread(after), because: Because::Crowded })),
        };
        let pass = match self.enter(&endpoint).await? {
            Entry::Go(pass) => pass,
            Entry::Wait(wait) => return Ok(Reply::Wait(wait)),
        };
        let result = client.send(request).await;
        let health = self.health(&result);
        seat.leave(health);
        // The answer is there, whether or not it can be taken down.
        if let Err(error) = self.leave(pass, health).await {
            tracing::warn!(%error, "how a call ended is not taken down");
        }
        Ok(match result {
            Ok(answer) => Reply::Answered(Box::new(answer)),
            Err(error) => Reply::Failed(error),
        })
    }

    /// Asks whether an endpoint may be called now.
    pub async fn enter(&self, endpoint: &Endpoint) -> Result<Entry, BrokerError> {
        let trial = milliseconds(self.patience + TRIAL_GRACE);
        // Whoever waits for a trial looks again ten times while a breaker would be open.
        let look = milliseconds(self.settings.open.0 / 10).max(1);
        let (word, number): (String, u64) =
            self.script(script!("enter"), endpoint, |cmd| _ = cmd.arg(trial).arg(look)).await?;
        let pass = |is_known, trial| Entry::Go(Pass { endpoint: endpoint.clone(), is_known, trial });
        let wait = |because| Entry::Wait(Wait { after: spread(Duration::from_millis(number)), because });
        Ok(match word.as_str() {
            "free" => pass(false, None),
            "trial" => pass(true, Some(number)),
            "busy" => wait(Because::Busy),
            "open" => wait(Because::Open),
            _ => pass(true, None),
        })
    }

    /// Takes down how a call ended. A pass that is dropped instead is no harm: its trial is over after a while.
    pub async fn leave(&self, pass: Pass, health: Health) -> Result<(), BrokerError> {
        let (word, away) = match health {
            Health::Well => ("well", Duration::ZERO),
            Health::Unwell => ("unwell", Duration::ZERO),
            Health::Busy(away) => ("busy", away),
            Health::Unknown => ("unknown", Duration::ZERO),
        };
        if !pass.is_known && matches!(health, Health::Well | Health::Unknown) {
            return Ok(());
        }
        let config::Breaker { window, min_requests, failed_percent, open, max_endpoints, .. } = &self.settings;
        let _: String = self
            .script(script!("leave"), &pass.endpoint, |cmd| {
                cmd.arg(word).arg(milliseconds(away)).arg(pass.trial.unwrap_or(0));
                cmd.arg(window.as_millis()).arg(min_requests).arg(failed_percent);
                cmd.arg(open.as_millis()).arg(max_endpoints);
            })
            .await?;
        Ok(())
    }

    /// What a call that ended so says of its endpoint.
    pub fn health(&self, result: &Result<Response, Error>) -> Health {
        match result.as_ref().map(Response::outcome) {
            Ok(Outcome::Busy { retry_after }) => Health::Busy(retry_after.unwrap_or(self.settings.busy.0)),
            // Too early is about the request, not about who answers it.
            Ok(Outcome::Unwell) if result.as_ref().is_ok_and(|answer| answer.status.as_u16() != 425) => Health::Unwell,
            Ok(_) => Health::Well,
            Err(error) if error.may_pass() => Health::Unwell,
            Err(_) => Health::Unknown,
        }
    }

    /// What is known of an endpoint.
    pub async fn look(&self, endpoint: &Endpoint) -> Result<Reputation, BrokerError> {
        let window = self.settings.window.as_millis();
        let (state, answered, failed, trips, not_before_ms, open_ms): (String, u64, u64, u64, u64, u64) =
            self.script(script!("look"), endpoint, |cmd| _ = cmd.arg(window)).await?;
        let breaker = match state.as_str() {
            "open" => Breaker::Open,
            "trial" => Breaker::Trial,
            _ => Breaker::Closed,
        };
        Ok(Reputation { breaker, answered, failed, trips, not_before_ms, open_ms })
    }

    /// Runs a script on the shard of an endpoint.
    async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        endpoint: &Endpoint,
        args: impl Fn(&mut Cmd),
    ) -> Result<T, BrokerError> {
        let hash = Sha256::digest(endpoint.as_str());
        let shard = hash.first_chunk().map_or(0, |start| u16::from_be_bytes(*start)) % self.shards.max(1);
        let prefix = format!("{{etlas:{shard}}}:outbound:");
        let with_endpoint = |cmd: &mut Cmd| {
            cmd.arg(endpoint.as_str());
            args(cmd);
        };
        script.call(&mut self.broker.connection(), &prefix, with_endpoint).await
    }
}

fn spread(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + rand::random_range(0.0..=SPREAD))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
