//! The Network in Redis, and what belongs to it.
//!
//! In: what nodes said, from whoever polls them; a Network that differs, from the one aggregator that holds the lock.
//! Out: all of it, to whoever asks. `<p>` is the [`Prefix`].
//!
//! | key | type | holds |
//! |---|---|---|
//! | `<p>.network.v1` | string | the [`Network`](super::Network), JSON; never expires |
//! | `<p>.node.<id>` | string | what a [`Node`](super::Node) said last, JSON; expires |
//! | `<p>.candidates` | hash | hosts that may be nodes, JSON each (discovery) |
//! | `{<p>.network.v1}.meta` | hash | of the Network: `revision`, `saved_at_ms`, `checked_at_ms`, `sha256` (of the canonical bytes); `told`, `fence` |
//! | `{<p>.network.v1}.lock` | string | `<token> <owner>`: who aggregates; expires |
//! | `{<p>.network.v1}.events` | stream | `event` = JSON: `network`, `saved`, `raised`, `cleared`; trimmed |
//! | `{<p>.network.v1}.diffs` | list | what each of the last revisions changed, the last at the end, JSON; 64 at most |
//! | `{<p>.network.v1}.nodes` | zset | id of a node → when what it said is over, ms by Redis' clock |
//! | `{<p>.network.v1}.reporters` | string | peer → the node whose word about it counts, JSON |
//! | `{<p>.network.v1}.gone` | list | peers that left, the last first, JSON each; 1,000 at most |
//! | `{<p>.network.v1}.alarms` | hash | alarms that are on, JSON each; fade when nobody watches |
//!
//! What a revision changed is told first: it is little. The Network itself, which may have megabytes, follows a moment
//! later, and may leave revisions out. It is of revision `revision`, while `told` is the newest. If who writes it dies in
//! between, the next one goes on from `revision`, and tells what comes of that without a diff.
//!
//! Invariants: a Network is told of and written under the lock's token alone, so that one who was thought dead cannot write
//! over what its successor knows; diff, revision and event are written together or not at all, as are the Network and
//! which revision it is of; neither `told` nor `revision` ever falls.

mod candidates;
mod nodes;
mod whole;

use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use serde_json::value::RawValue;

pub use self::whole::{Stored, Whole};
use super::{
    alarms::{AlarmKey, Alarms},
    change::Difference,
    merge::Reporters,
    prefix::Prefix,
};
use crate::broker::{Broker, BrokerError, Script, script};

/// Events that can be read again.
const MAX_EVENTS: usize = 1000;
/// Peers that are remembered as gone.
const MAX_GONE: usize = 1000;
/// Revisions of which it is known what they changed.
pub const MAX_DIFFS: usize = 64;
/// How long alarms stay on without a word.
const ALARMS: Duration = Duration::from_mins(1);

/// One Network in Redis. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    broker: Broker,
    prefix: Prefix,
}

/// The right to write the Network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    owner: String,
    number: u64,
}

/// What one who wants to aggregate is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Redis' clock, in ms since 1970.
    pub now: u64,
    /// The right, unless another has it.
    pub token: Option<Token>,
    /// The revision that was told last, 0 if none was.
    pub told: u64,
    /// The revision of the Network as it is written, 0 if there is none.
    pub revision: u64,
}

/// A revision that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Rises by one with every change.
    pub number: u64,
    /// When it was told, in ms since 1970.
    pub at: u64,
}

/// What is new of a Network.
#[derive(Clone, Debug)]
pub struct News {
    /// The revision that was told last; 0 if there is no Network.
    pub revision: u64,
    /// The revision of the Network as it is written; 0 if there is none.
    pub written: u64,
    /// The id of the last event.
    pub last_event: String,
    /// Alarms that are on, JSON each.
    pub alarms: Vec<String>,
    /// What the last revisions after the known one have changed, JSON each, the last at the end.
    pub diffs: Vec<String>,
}

impl Store {
    /// The Network of a prefix.
    pub fn new(broker: Broker, prefix: Prefix) -> Self {
        Self { broker, prefix }
    }

    /// What its keys begin with.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The way to it.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Takes the right to write for so long, or keeps it; `checked` says that the Network is known to be right.
    pub async fn hold(&self, owner: &str, lease: Duration, checked: Checked) -> Result<Held, BrokerError> {
        let (now, number, told, revision): (u64, u64, u64, u64) = self
            .script(script!("hold"), |cmd| {
                cmd.arg(owner).arg(milliseconds(lease)).arg(u8::from(checked == Checked::Yes));
            })
            .await?;
        let token = (number > 0).then(|| Token { owner: owner.to_owned(), number });
        Ok(Held { now, token, told, revision })
    }

    /// Gives the right back.
    pub async fn release(&self, token: &Token) -> Result<(), BrokerError> {
        self.script(script!("release"), |cmd| {
            cmd.arg(&token.owner).arg(token.number);
        })
        .await
    }

    /// Tells what is different since revision `since` (0: everything); the new revision, or nothing if the right is
    /// another's by now. The Network itself is to be saved then.
    pub async fn tell(
        &self,
        token: &Token,
        since: u64,
        difference: &Difference,
    ) -> Result<Option<Revision>, BrokerError> {
        let (change, patch) = (json(&difference.change()), difference.patch().unwrap_or_default());
        let gone: Vec<String> = difference.departed().take(MAX_GONE).map(json).collect();
        let (number, at): (u64, u64) = self
            .script(script!("tell"), |cmd| {
                cmd.arg(&token.owner).arg(token.number).arg(since).arg(&change).arg(&patch);
                cmd.arg(MAX_EVENTS).arg(MAX_GONE).arg(MAX_DIFFS);
                for peer in &gone {
                    cmd.arg(peer);
                }
            })
            .await?;
        Ok((number > 0).then_some(Revision { number, at }))
    }

    /// What is new to one who knows a revision (0: none).
    pub async fn news(&self, known: u64) -> Result<News, BrokerError> {
        let (revision, written, last_event, alarms, diffs) =
            self.script(script!("news"), |cmd| _ = cmd.arg(known)).await?;
        Ok(News { revision, written, last_event, alarms, diffs })
    }

    /// Says which alarms are on, and which are not any more.
    pub async fn tell_alarms(&self, on: &Alarms, off: &Alarms) -> Result<(), BrokerError> {
        if on.is_empty() && off.is_empty() {
            return Ok(());
        }
        self.script(script!("alarms"), |cmd| {
            cmd.arg(milliseconds(ALARMS)).arg(MAX_EVENTS);
            for (verb, alarms) in [("raise", on), ("clear", off)] {
                for (key, text) in alarms {
                    let (name, members) = alarm(key, text);
                    cmd.arg(verb).arg(name).arg(members);
                }
            }
        })
        .await
    }

    /// The peers that left last, the last first.
    pub async fn gone(&self, limit: usize) -> Result<Vec<Box<RawValue>>, BrokerError> {
        let mut command = redis::cmd("LRANGE");
        command.arg(self.key("gone")).arg(0).arg(limit.clamp(1, MAX_GONE) - 1);
        let lines: Vec<String> = self.broker.query(&command).await?;
        Ok(lines.into_iter().filter_map(|line| RawValue::from_string(line).ok()).collect())
    }

    /// The key of the event stream.
    pub fn events_key(&self) -> String {
        self.key("events")
    }

    fn key(&self, name: &str) -> String {
        format!("{{{}}}.{name}", self.prefix.network())
    }

    async fn script<T: FromRedisValue>(&self, script: &Script, args: impl Fn(&mut Cmd)) -> Result<T, BrokerError> {
        script.call(&mut self.broker.connection(), &self.prefix.network(), args).await
    }
}

/// Whether a Network is known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is.
    Yes,
    /// Nobody knows.
    No,
}

/// The name of an alarm, and what it says as members of a JSON object.
fn alarm((kind, url): &AlarmKey, text: &str) -> (String, String) {
    let kind = json(kind);
    let node = if url.is_empty() { "null".into() } else { json(url) };
    let members = format!("\"kind\":{kind},\"node\":{node},\"text\":{}", json(&text));
    (format!("{kind} {url}"), members)
}

/// Strings, integers and lists: this cannot fail.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".into())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
