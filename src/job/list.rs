//! Pages of jobs.
//!
//! Every order is that of an index in Redis, so a page costs its length, not the number of jobs: by id (newest first)
//! over the indexes of platforms or of terminal statuses, by score over queues and delayed jobs. Indexes of several
//! shards, pools or platforms are merged. What an index cannot filter is filtered here, within a bound.

use std::{cmp::Ordering, collections::BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    JobId, Jobs, Status,
    record::{Record, SUMMARY},
};
use crate::{
    broker::BrokerError,
    queue::keys::{job, named},
};

/// Jobs looked at for one page at most.
const EXAMINED: usize = 2000;
/// Jobs looked at in one go when some may be filtered out.
const BATCH: usize = 500;
/// Members of one score that may lie before a cursor: jobs that one millisecond accepted.
const TIES: usize = 1000;

/// Which jobs, and how many a page.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only jobs that stand there.
    pub status: Option<Status>,
    /// Only jobs of this platform.
    pub platform: Option<String>,
    /// Jobs a page.
    pub limit: usize,
}

/// One page.
#[derive(Debug, Serialize)]
pub struct Page {
    /// Summaries.
    pub jobs: Vec<Map<String, Value>>,
    /// There may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The text is no cursor of ours, or one of another list.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor that this list gave")]
pub struct CursorError;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor is of no use.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// Redis could not be asked.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Where a page ended: the last job that was looked at, and the filters it was looked at with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cursor {
    s: Option<Status>,
    p: Option<String>,
    at: Position,
}

/// A job's place in an index. The score is 0 where the order is by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Position(f64, JobId);

/// The indexes that are merged.
enum Source {
    /// Sorted sets of ids with score 0; newest first.
    ById(Vec<String>),
    /// Sorted sets of ids by score; lowest first.
    ByScore(Vec<String>),
    /// What all sanjers hold; bounded by their slots, so all of it is read. Newest first.
    Held,
}

impl Jobs {
    /// One page of jobs, after the page that ended with `cursor`.
    pub async fn list(&self, filter: &Filter, cursor: Option<&str>) -> Result<Page, ListError> {
        let mut after = cursor.map(|text| Cursor::open(text, filter)).transpose()?;
        let source = self.source(filter).await?;
        // Where the index says it all, nothing is filtered out.
        let exact = filter.status.is_none_or(|status| status.is_terminal() && filter.platform.is_none());
        let mut page = Page { jobs: Vec::new(), cursor: None };
        let mut examined = 0;
        loop {
            let n = if exact { filter.limit - page.jobs.len() + 1 } else { BATCH };
            let batch = self.next(&source, after.as_ref(), n).await?;
            let (got, records) = (batch.len(), self.summaries(&batch).await?);
            for (i, (position, record)) in batch.into_iter().zip(records).enumerate() {
                after = Some(position);
                // An index may be a moment ahead of, or behind, the job.
                if matches(filter, &record) {
                    page.jobs.extend(record.summary());
                }
                if page.jobs.len() == filter.limit {
                    page.cursor = after.filter(|_| i + 1 < got || got == n).map(|at| Cursor::seal(filter, at));
                    return Ok(page);
                }
            }
            examined += got;
            if got < n {
                return Ok(page);
            }
            if examined >= EXAMINED {
                page.cursor = after.map(|at| Cursor::seal(filter, at));
                return Ok(page);
            }
        }
    }

    /// The indexes that hold what the filter asks for.
    async fn source(&self, filter: &Filter) -> Result<Source, BrokerError> {
        let all = |name: &dyn Fn(&str) -> String, of: &BTreeSet<String>| -> Vec<String> {
            let names: Vec<_> = of.iter().map(|of| name(of)).collect();
            self.queue.shards().flat_map(|shard| names.iter().map(move |name| named(shard, name))).collect()
        };
        Ok(match (filter.status, &filter.platform) {
            (None, Some(platform)) => Source::ById(all(&|id| format!("platform:{id}"), &[platform.clone()].into())),
            (None, None) => {
                let platforms = self.platforms().await?;
                Source::ById(all(&|id| format!("platform:{id}"), &platforms))
            }
            (Some(Status::Queued), _) => {
                let mut queues = all(&|pool| format!("queue:{pool}"), &self.pools());
                queues.extend(all(&|pool| format!("alone:{pool}"), &self.pools()));
                Source::ByScore(queues)
            }
            (Some(Status::Running), _) => Source::Held,
            (Some(status), _) if status.is_delayed() => {
                Source::ByScore(all(&|pool| format!("delayed:{pool}"), &self.pools()))
            }
            (Some(status), _) => Source::ById(all(&|status| format!("done:{status}"), &[status.to_string()].into())),
        })
    }

    /// Every pool that a job of this build can be in.
    pub(crate) fn pools(&self) -> BTreeSet<String> {
        self.registry.iter().map(|platform| platform.spec.pool.to_owned()).collect()
    }

    /// Every platform that has jobs, those of earlier builds included.
    async fn platforms(&self) -> Result<BTreeSet<String>, BrokerError> {
        let mut pipeline = redis::pipe();
        for shard in self.queue.shards() {
            pipeline.cmd("SMEMBERS").arg(named(shard, "platforms"));
        }
        let platforms: Vec<Vec<String>> = self.queue.broker().pipeline(&pipeline).await?;
        Ok(platforms.into_iter().flatten().collect())
    }

    /// The next `n` places after `after`, in order.
    async fn next(&self, source: &Source, after: Option<&Position>, n: usize) -> Result<Vec<Position>, BrokerError> {
        let mut places = match source {
            Source::ById(keys) if keys.is_empty() => Vec::new(),
            Source::ById(keys) => {
                let mut pipeline = redis::pipe();
                let start = after.map_or("+".to_owned(), |position| format!("({}", position.1));
                for key in keys {
                    pipeline.cmd("ZREVRANGEBYLEX").arg(key).arg(&start).arg("-").arg("LIMIT").arg(0).arg(n);
                }
                let ids: Vec<Vec<String>> = self.queue.broker().pipeline(&pipeline).await?;
                newest(ids.into_iter().flatten(), None)
            }
            Source::ByScore(keys) if keys.is_empty() => Vec::new(),
            Source::ByScore(keys) => {
                let mut pipeline = redis::pipe();
                let start = after.map_or("-inf".to_owned(), |position| position.0.to_string());
                for key in keys {
                    pipeline.cmd("ZRANGEBYSCORE").arg(key).arg(&start).arg("+inf").arg("WITHSCORES").arg("LIMIT");
                    pipeline.arg(0).arg(n + if after.is_some() { TIES } else { 0 });
                }
                let found: Vec<Vec<(String, f64)>> = self.queue.broker().pipeline(&pipeline).await?;
                let found =
                    found.into_iter().flatten().filter_map(|(id, score)| Some(Position(score, id.parse().ok()?)));
                let mut places: Vec<_> =
                    found.filter(|place| after.is_none_or(|after| place.order(after) == Ordering::Greater)).collect();
                places.sort_by(Position::order);
                places
            }
            Source::Held => newest(self.held().await?.into_iter(), after),
        };
        places.truncate(n);
        Ok(places)
    }

    /// Everything that all sanjers hold.
    async fn held(&self) -> Result<Vec<String>, BrokerError> {
        let mut held = Vec::new();
        for shard in self.queue.shards() {
            let mut command = redis::cmd("ZRANGE");
            let sanjers: Vec<String> =
                self.queue.broker().query(command.arg(named(shard, "sanjers")).arg(0).arg(-1)).await?;
            if sanjers.is_empty() {
                continue;
            }
            let mut pipeline = redis::pipe();
            for sanjer in &sanjers {
                pipeline.cmd("ZRANGE").arg(named(shard, format_args!("held:{sanjer}"))).arg(0).arg(-1);
            }
            let ids: Vec<Vec<String>> = self.queue.broker().pipeline(&pipeline).await?;
            held.extend(ids.into_iter().flatten());
        }
        Ok(held)
    }

    async fn summaries(&self, places: &[Position]) -> Result<Vec<Record>, BrokerError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for Position(_, id) in places {
            pipeline.cmd("HMGET").arg(job(*id)).arg(&SUMMARY);
        }
        let found: Vec<Vec<Option<String>>> = self.queue.broker().pipeline(&pipeline).await?;
        let record = |values: Vec<Option<String>>| {
            let fields = SUMMARY.into_iter().zip(values);
            Record(fields.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
        };
        Ok(found.into_iter().map(record).collect())
    }
}

/// Ids as places, newest first, those after `after` only.
fn newest(ids: impl Iterator<Item = String>, after: Option<&Position>) -> Vec<Position> {
    let ids: BTreeSet<JobId> = ids.filter_map(|id| id.parse().ok()).collect();
    ids.into_iter().rev().filter(|id| after.is_none_or(|after| *id < after.1)).map(|id| Position(0.0, id)).collect()
}

fn matches(filter: &Filter, record: &Record) -> bool {
    filter.status.is_none_or(|status| record.status() == Some(status))
        && filter.platform.as_deref().is_none_or(|platform| record.platform() == Some(platform))
}

impl Position {
    fn order(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

impl Cursor {
    fn seal(filter: &Filter, at: Position) -> String {
        let cursor = Self { s: filter.status, p: filter.platform.clone(), at };
        // Serialising three plain fields cannot fail; no cursor would only end the list.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    fn open(text: &str, filter: &Filter) -> Result<Position, CursorError> {
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let cursor: Self = serde_json::from_slice(&json).map_err(|_| CursorError)?;
        let same = cursor.s == filter.status && cursor.p == filter.platform && cursor.at.0.is_finite();
        if same { Ok(cursor.at) } else { Err(CursorError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Shard;

    #[test]
    fn a_cursor_is_for_the_list_that_gave_it() {
        let filter = Filter { status: Some(Status::Queued), platform: None, limit: 1 };
        let at = Position(-1.5e12, JobId::new(Shard(0)));
        let text = Cursor::seal(&filter, at.clone());
        assert_eq!(Cursor::open(&text, &filter).unwrap(), at);
        let other = Filter { platform: Some("noop".into()), ..filter.clone() };
        assert!(Cursor::open(&text, &other).is_err());
        for text in ["", "x", "e30", "!!!!"] {
            assert!(Cursor::open(text, &filter).is_err(), "{text}");
        }
    }

    #[test]
    fn places_are_merged_newest_first() {
        let ids: Vec<_> = ["01", "03", "02", "03"]
            .map(|n| format!("0193f5a0-1c{n}-7e4f-8a00-0123456789ab"))
            .into_iter()
            .chain(["junk".to_owned()])
            .collect();
        let all = newest(ids.clone().into_iter(), None);
        assert_eq!(
            all.iter().map(|place| place.1.to_string()).collect::<Vec<_>>(),
            [&ids[1], &ids[2], &ids[0]].map(Clone::clone)
        );
        assert_eq!(newest(ids.into_iter(), Some(&all[0])), all[1..]);
    }
}
