//! What jobs are found by: the names of indexes that hold any, and deleting from all of them.

use std::collections::BTreeSet;

use redis::{Cmd, Pipeline};

use super::{keys, scripts::Queue};
use crate::{
    broker::{BrokerError, script},
    job::{JobId, Shard, Status},
};

/// Groups of failures that one call brings of a shard, at most.
const GROUPS: usize = 1000;

/// A set of finished jobs of one shard, ordered by when they ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it lies.
    pub key: String,
    /// The platform of its jobs.
    pub platform: String,
    /// Where they stand.
    pub status: Status,
    /// The code of their errors, if it is a set of failures.
    pub code: Option<String>,
}

/// What became of a job that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Now,
    /// There was no such job.
    Before,
    /// It has not ended.
    Open(Status),
}

impl Queue {
    /// Deletes those of a shard's jobs that have ended.
    pub async fn delete(&self, shard: Shard, ids: &[JobId]) -> Result<Vec<Deleted>, BrokerError> {
        let mut deleted = Vec::with_capacity(ids.len());
        for batch in ids.chunks(super::BATCH) {
            let args = |command: &mut Cmd| {
                command.arg(batch);
            };
            let answers: Vec<String> = self.durable_script(script!("indexes", "forget", "delete"), shard, args).await?;
            deleted.extend(answers.iter().map(|answer| match answer.as_str() {
                "deleted" => Deleted::Now,
                status => status.parse().map_or(Deleted::Before, Deleted::Open),
            }));
        }
        Ok(deleted)
    }

    /// Every set of finished jobs.
    pub async fn done_sets(&self) -> Result<Vec<Named>, BrokerError> {
        let mut pipeline = Pipeline::new();
        for shard in self.shards() {
            pipeline.cmd("SMEMBERS").arg(keys::named(shard, "done"));
        }
        let names: Vec<Vec<String>> = self.broker().pipeline(&pipeline).await?;
        let of_shard = |(shard, names): (Shard, Vec<String>)| {
            names.into_iter().filter_map(move |name| {
                let mut parts = name.split(':');
                let (platform, status) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
                Some(Named { key: keys::named(shard, format_args!("done:{name}")), platform, status, code: None })
            })
        };
        Ok(self.shards().zip(names).flat_map(of_shard).collect())
    }

    /// Sets of failures whose code begins so (at most a thousand a shard), and whether there may be more.
    pub async fn error_sets(&self, beginning: &str) -> Result<(Vec<Named>, bool), BrokerError> {
        let mut pipeline = Pipeline::new();
        for shard in self.shards() {
            let (from, to) = (format!("[{beginning}"), format!("({beginning}~"));
            pipeline.cmd("ZRANGEBYLEX").arg(keys::named(shard, "errors")).arg(from).arg(to);
            pipeline.arg("LIMIT").arg(0).arg(GROUPS);
        }
        let names: Vec<Vec<String>> = self.broker().pipeline(&pipeline).await?;
        let more = names.iter().any(|names| names.len() == GROUPS);
        let of_shard = |(shard, names): (Shard, Vec<String>)| {
            names.into_iter().filter_map(move |name| {
                let mut parts = name.split(':');
                let (code, platform) = (Some(parts.next()?.to_owned()), parts.next()?.to_owned());
                let status = parts.next()?.parse().ok()?;
                Some(Named { key: keys::named(shard, format_args!("error:{name}")), platform, status, code })
            })
        };
        Ok((self.shards().zip(names).flat_map(of_shard).collect(), more))
    }

    /// The first names of an index (`labels`, `clients`) that begin so, in order.
    pub async fn names(&self, index: &str, beginning: &str, limit: usize) -> Result<Vec<String>, BrokerError> {
        let mut names = BTreeSet::new();
        for shard in self.shards() {
            let args = |command: &mut Cmd| {
                command.arg(index).arg(beginning).arg(limit);
            };
            names.extend(self.script::<Vec<String>>(script!("names"), shard, args).await?);
        }
        Ok(names.into_iter().take(limit).collect())
    }
}
