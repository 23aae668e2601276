//! What a word may mean that a person typed: a job, or something that jobs can be found by.

use std::collections::BTreeMap;

use redis::Pipeline;
use serde::Serialize;

use super::{
    Job, Jobs,
    cursor::Position,
    filter::{Ids, is_code},
    sources::{ById, Sources},
};
use crate::{
    broker::BrokerError,
    queue::{Lane, keys},
};

/// Hits of one kind, and of all kinds.
const OF_A_KIND: usize = 5;
const IN_ALL: usize = 20;

/// The shortest beginning of a job id that is looked for: about a minute's worth of ids.
const LEAST_OF_ID: usize = 8;

/// What a hit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A job.
    Job,
    /// An id that clients gave.
    #[serde(rename = "_id")]
    Client,
    /// A label.
    Label,
    /// The code of errors.
    Error,
    /// A platform.
    Platform,
    /// A pool.
    Pool,
}

/// Something that was found.
#[derive(Debug, Serialize)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub value: String,
    /// How many jobs there are of it.
    pub count: usize,
    /// The job, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
}

impl Jobs {
    /// What a word may mean; what is called exactly so comes first.
    pub async fn search(&self, word: &str) -> Result<Vec<Hit>, BrokerError> {
        // Neither ids nor labels, platforms and pools have capitals.
        let lower = word.to_lowercase();
        let mut hits = self.jobs_called(&lower).await?;
        hits.extend(self.named(Kind::Client, "clients", word).await?);
        hits.extend(self.named(Kind::Label, "labels", &lower).await?);
        hits.extend(self.errors_called(word).await?);
        hits.extend(self.platforms_called(&lower).await?);
        hits.extend(self.pools_called(&lower).await?);
        hits.sort_by_key(|hit| hit.value != word && hit.value != lower);
        hits.truncate(IN_ALL);
        Ok(hits)
    }

    /// Jobs whose id begins so.
    async fn jobs_called(&self, word: &str) -> Result<Vec<Hit>, BrokerError> {
        let is_id = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !is_id || word.len() < LEAST_OF_ID {
            return Ok(Vec::new());
        }
        // Behind all characters of ids.
        let ids = Ids { to: Some(format!("{word}~")), from: word.to_owned() };
        let mut sets = Vec::new();
        for (shard, platforms) in self.platforms().await? {
            let key = |platform| keys::named(shard, format_args!("platform:{platform}"));
            sets.extend(platforms.iter().map(|platform| ById { key: key(platform), name: None, ids: ids.clone() }));
        }
        let found = Sources::Newest(sets).next(self.broker(), None, OF_A_KIND).await?;
        let jobs = self.summaries(&found.jobs).await?;
        let hit = |(Position { id, .. }, job): (Position, Option<Job>)| {
            Some(Hit { kind: Kind::Job, value: id.to_string(), count: 1, job: Some(job?) })
        };
        Ok(jobs.into_iter().filter_map(hit).collect())
    }

    /// Names in an index that begin so.
    async fn named(&self, kind: Kind, index: &str, word: &str) -> Result<Vec<Hit>, BrokerError> {
        let mut hits = Vec::new();
        for name in self.queue.names(index, word, OF_A_KIND).await? {
            let of_name = |key| ById { key, name: Some(name.clone()), ids: Ids::default() };
            let sets = self.keys(index).into_iter().map(of_name).collect();
            let count = Sources::Newest(sets).count(self.broker()).await?;
            hits.push(Hit { kind, value: name, count, job: None });
        }
        Ok(hits)
    }

    /// Codes of errors that begin so.
    async fn errors_called(&self, word: &str) -> Result<Vec<Hit>, BrokerError> {
        if !is_code(word) {
            return Ok(Vec::new());
        }
        let mut by_code: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for set in self.queue.error_sets(word).await?.0 {
            if let Some(code) = set.code {
                by_code.entry(code).or_default().push(set.key);
            }
        }
        let mut hits = Vec::new();
        for (code, keys) in by_code.into_iter().take(OF_A_KIND) {
            hits.push(Hit { kind: Kind::Error, value: code, count: self.size(&keys).await?, job: None });
        }
        Ok(hits)
    }

    /// Platforms in whose names it is.
    async fn platforms_called(&self, word: &str) -> Result<Vec<Hit>, BrokerError> {
        let known = self.registry.iter().map(|platform| platform.id).filter(|id| id.contains(word));
        let mut hits = Vec::new();
        for id in known.take(OF_A_KIND) {
            let count = self.size(&self.keys(&format!("platform:{id}"))).await?;
            hits.push(Hit { kind: Kind::Platform, value: id.to_owned(), count, job: None });
        }
        Ok(hits)
    }

    /// Pools in whose names it is, and how many jobs wait in them.
    async fn pools_called(&self, word: &str) -> Result<Vec<Hit>, BrokerError> {
        let known = self.pools().into_iter().chain(self.limits.pools.keys().cloned());
        let known: std::collections::BTreeSet<String> = known.filter(|pool| pool.contains(word)).collect();
        let mut hits = Vec::new();
        for pool in known.into_iter().take(OF_A_KIND) {
            let places = [Lane::Queue.as_str(), Lane::Alone.as_str(), "delayed"];
            let keys: Vec<String> = places.iter().flat_map(|place| self.keys(&format!("{place}:{pool}"))).collect();
            let count = self.size(&keys).await?;
            hits.push(Hit { kind: Kind::Pool, value: pool, count, job: None });
        }
        Ok(hits)
    }

    /// How many members these sets have.
    async fn size(&self, keys: &[String]) -> Result<usize, BrokerError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut pipeline = Pipeline::new();
        for key in keys {
            pipeline.cmd("ZCARD").arg(key);
        }
        let sizes: Vec<usize> = self.broker().pipeline(&pipeline).await?;
        Ok(sizes.into_iter().sum())
    }
}
