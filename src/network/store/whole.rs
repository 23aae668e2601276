//! The Network as one text, which is written a moment after what is different in it was told.

use super::{Reporters, Revision, Store, Token, json};
use crate::{
    broker::{BrokerError, script},
    network::{merge::Moment, model::Network},
};

/// A Network ready to be written.
#[derive(Debug)]
pub struct Whole {
    json: String,
    digest: String,
    reporters: String,
}

/// The Network as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// JSON; empty if there is none.
    pub json: String,
    /// What it is the Network of; one that was told after it may be on its way.
    pub revision: u64,
    /// When it changed, in ms since 1970.
    pub saved_at_ms: u64,
    /// When it was last found to be as it is, in ms since 1970.
    pub checked_at_ms: u64,
}

impl Whole {
    /// The text of a Network, and whose word counts in it. Takes long where the Network is large.
    pub fn new(moment: &Moment) -> Self {
        let (text, digest) = moment.network().digested();
        Self { json: text, digest, reporters: json(&moment.reporters) }
    }
}

impl Store {
    /// Writes the Network of a revision in place of that of an earlier one; false if the right is another's by now.
    pub async fn save(&self, token: &Token, revision: Revision, whole: &Whole) -> Result<bool, BrokerError> {
        self.script(script!("save"), |cmd| {
            cmd.arg(&token.owner).arg(token.number).arg(revision.number).arg(revision.at).arg(&whole.json);
            cmd.arg(&whole.digest).arg(&whole.reporters).arg(super::MAX_EVENTS);
        })
        .await
    }

    /// The Network and its times, of one moment.
    pub async fn read(&self) -> Result<Stored, BrokerError> {
        let (json, revision, saved_at_ms, checked_at_ms) = self.script(script!("read"), |_| {}).await?;
        Ok(Stored { json, revision, saved_at_ms, checked_at_ms })
    }

    /// The Network as it can be gone on from, with its revision and with whose word counts; nothing if there is none, or
    /// none that can be read.
    pub async fn resume(&self) -> Result<Option<(Network, u64, Reporters)>, BrokerError> {
        let stored = self.read().await?;
        let reporters: Option<String> = self.broker.query(redis::cmd("GET").arg(self.key("reporters"))).await?;
        // What is not ours to read is as if it were not there: it is written anew.
        let reporters = reporters.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
        Ok(serde_json::from_str(&stored.json).ok().map(|network| (network, stored.revision, reporters)))
    }

    /// The revision of the Network that is stored and when it changed (ms since 1970), if there is one.
    pub async fn revision(&self) -> Result<Option<(u64, u64)>, BrokerError> {
        let mut both = redis::pipe();
        both.exists(self.prefix.network());
        both.cmd("HMGET").arg(self.key("meta")).arg("revision").arg("saved_at_ms");
        let (exists, (revision, saved)): (bool, (Option<u64>, Option<u64>)) = self.broker.pipeline(&both).await?;
        Ok(revision.zip(saved).filter(|_| exists))
    }
}
