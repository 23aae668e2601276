//! How jobs are listed: the narrowest index is walked, a bounded number of jobs a page.

use std::collections::BTreeSet;

use redis::Pipeline;
use serde::Serialize;

use super::{
    CursorError, Job, JobId, Jobs, Shard, Status,
    cursor::{self, Position},
    record::SUMMARY,
    sources::{Order, Sources},
};
use crate::{
    broker::BrokerError,
    queue::{Lane, keys},
};

/// Jobs looked at for one page, at most.
const EXAMINED: usize = 2000;
/// Jobs looked at in one round trip, once the first did not fill the page.
const AGAIN: usize = 200;
/// Sanjers whose jobs a list of running jobs asks for, per shard.
const SANJERS: usize = 1000;

/// Which jobs a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only jobs that stand there.
    pub status: Option<Status>,
    /// Only jobs of this platform.
    pub platform: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The jobs, in order, without settings, options, metadata and result.
    pub jobs: Vec<Job>,
    /// Where the next page begins, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The next cursor cannot be written.
    #[error("the cursor cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
    /// Redis did not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Filter {
    fn admits(&self, job: &Job) -> bool {
        self.status.is_none_or(|status| status == job.status)
            && self.platform.as_ref().is_none_or(|platform| *platform == job.platform_id)
    }
}

impl Jobs {
    /// The next page after `cursor`, of at most `limit` jobs.
    pub async fn list(&self, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Page, ListError> {
        let mut after = cursor.map(|text| cursor::decode(filter, text)).transpose()?;
        let sources = self.sources(filter).await?;
        let mut jobs = Vec::new();
        let mut examined = 0;
        loop {
            // One more than needed, to know whether this page is the last.
            let needed = limit - jobs.len() + 1;
            let n = if examined == 0 { needed } else { needed.max(AGAIN) };
            let piece = sources.next(self.broker(), after, n).await?;
            let mut records = self.summaries(&piece.jobs).await?.into_iter().peekable();
            while let Some((position, job)) = records.next() {
                after = Some(position);
                examined += 1;
                jobs.extend(job.filter(|job| filter.admits(job)));
                let more = records.peek().is_some() || piece.more;
                if jobs.len() == limit || examined >= EXAMINED {
                    let cursor = if more { Some(cursor::encode(filter, position)?) } else { None };
                    return Ok(Page { jobs, cursor });
                }
            }
            if !piece.more || piece.jobs.is_empty() {
                return Ok(Page { jobs, cursor: None });
            }
        }
    }

    /// What a list shows of these jobs; `None` for one that is gone meanwhile.
    async fn summaries(&self, positions: &[Position]) -> Result<Vec<(Position, Option<Job>)>, BrokerError> {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::new();
        for position in positions {
            pipeline.cmd("HMGET").arg(keys::job(position.id)).arg(&SUMMARY);
        }
        let records: Vec<Vec<Option<String>>> = self.broker().pipeline(&pipeline).await?;
        let pairs = positions.iter().zip(records);
        Ok(pairs.map(|(position, values)| (*position, summary(position.id, values))).collect())
    }

    /// The sets that hold what the filter asks for: the narrower ones, where there is a choice.
    async fn sources(&self, filter: &Filter) -> Result<Sources, BrokerError> {
        let platform = filter.platform.as_deref();
        let Some(status) = filter.status else {
            return Ok(Sources::Newest(match platform {
                Some(platform) => self.keys(&format!("platform:{platform}")),
                None => self.platforms().await?,
            }));
        };
        if status == Status::Running {
            return self.held().await;
        }
        let (index, order) = if status.is_terminal() {
            (self.keys(&format!("done:{status}")), Order::Latest)
        } else {
            (self.waiting(filter), Order::Next)
        };
        if let Some(platform) = platform {
            let of_platform = self.keys(&format!("platform:{platform}"));
            // Few enough to look each up where it stands; that keeps the order.
            if self.count(&of_platform).await? <= EXAMINED {
                return self.placed(&of_platform, &index, order).await;
            }
        }
        Ok(if status.is_terminal() { Sources::Latest(index) } else { Sources::Next(index) })
    }

    /// A key of every shard.
    fn keys(&self, name: &str) -> Vec<String> {
        self.queue.shards().map(|shard| keys::named(shard, name)).collect()
    }

    /// The index of every platform that has, or had, jobs.
    async fn platforms(&self) -> Result<Vec<String>, BrokerError> {
        let mut pipeline = Pipeline::new();
        for key in self.keys("platforms") {
            pipeline.cmd("SMEMBERS").arg(key);
        }
        let sets: Vec<Vec<String>> = self.broker().pipeline(&pipeline).await?;
        let of_shard = |(shard, platforms): (Shard, Vec<String>)| {
            platforms.into_iter().map(move |platform| keys::named(shard, format_args!("platform:{platform}")))
        };
        Ok(self.queue.shards().zip(sets).flat_map(of_shard).collect())
    }

    /// The sets in which queued or delayed jobs wait; of the platform's pool alone, if that is known.
    fn waiting(&self, filter: &Filter) -> Vec<String> {
        let pools = match filter.platform.as_deref().and_then(|id| self.registry.get(id)) {
            Some(platform) => platform.spec.pools().map(str::to_owned).collect(),
            None => self.pools(),
        };
        let names: Vec<String> = pools
            .into_iter()
            .flat_map(|pool| match filter.status {
                Some(Status::Queued) => {
                    [Lane::Queue, Lane::Alone].map(|lane| format!("{}:{pool}", lane.as_str())).to_vec()
                }
                _ => vec![format!("delayed:{pool}")],
            })
            .collect();
        names.iter().flat_map(|name| self.keys(name)).collect()
    }

    /// Every pool that a job of this build can be in.
    pub(crate) fn pools(&self) -> BTreeSet<String> {
        self.registry.pools()
    }

    async fn count(&self, keys: &[String]) -> Result<usize, BrokerError> {
        let mut pipeline = Pipeline::new();
        for key in keys {
            pipeline.cmd("ZCARD").arg(key);
        }
        let counts: Vec<usize> = self.broker().pipeline(&pipeline).await?;
        Ok(counts.into_iter().sum())
    }

    /// The jobs of a few small sets, each at the place where it stands in one of `index`.
    async fn placed(&self, sets: &[String], index: &[String], order: Order) -> Result<Sources, BrokerError> {
        let mut placed = Vec::new();
        for (shard, set) in self.queue.shards().zip(sets) {
            let ids: Vec<String> =
                self.broker().query(redis::cmd("ZREVRANGE").arg(set).arg(0).arg(EXAMINED - 1)).await?;
            if ids.is_empty() {
                continue;
            }
            let prefix = keys::prefix(shard);
            let mut pipeline = Pipeline::new();
            for key in index.iter().filter(|key| key.starts_with(&prefix)) {
                pipeline.cmd("ZMSCORE").arg(key).arg(&ids);
            }
            let scores: Vec<Vec<Option<f64>>> = self.broker().pipeline(&pipeline).await?;
            for (id, score) in scores.iter().flat_map(|scores| ids.iter().zip(scores)) {
                if let (Some(score), Ok(id)) = (*score, id.parse()) {
                    placed.push(Position { score, id });
                }
            }
        }
        order.sort(&mut placed);
        Ok(Sources::Given(placed, order))
    }

    /// Every running job: what all sanjers hold, which their slots bound.
    async fn held(&self) -> Result<Sources, BrokerError> {
        let mut running = Vec::new();
        for shard in self.queue.shards() {
            let mut sanjers = redis::cmd("ZRANGE");
            sanjers.arg(keys::named(shard, "sanjers")).arg(0).arg(SANJERS - 1);
            let sanjers: Vec<String> = self.broker().query(&sanjers).await?;
            if sanjers.is_empty() {
                continue;
            }
            let mut pipeline = Pipeline::new();
            for sanjer in sanjers {
                pipeline.cmd("SMEMBERS").arg(keys::named(shard, format_args!("held:{sanjer}")));
            }
            let held: Vec<Vec<String>> = self.broker().pipeline(&pipeline).await?;
            let ids = held.into_iter().flatten().filter_map(|id| id.parse::<JobId>().ok());
            running.extend(ids.map(|id| Position { score: 0.0, id }));
        }
        Order::Newest.sort(&mut running);
        Ok(Sources::Given(running, Order::Newest))
    }
}

fn summary(id: JobId, values: Vec<Option<String>>) -> Option<Job> {
    let hash: std::collections::HashMap<String, String> =
        SUMMARY.iter().zip(values).filter_map(|(field, value)| Some(((*field).to_owned(), value?))).collect();
    if hash.is_empty() {
        return None;
    }
    // One damaged record must not hide all others.
    Job::from_hash(id, hash)
        .inspect_err(|error| tracing::warn!(%error, "left a job out of a list"))
        .ok()
        .map(Job::summary)
}
