//! How a job is read: one `HGETALL`; its datasets and log only when asked for, in bounded pieces.

use std::collections::{BTreeMap, HashMap};

use futures_util::stream::{self, Stream};
use serde_json::Value;

use super::{Beside, Job, JobId, Jobs, RecordError, Status};
use crate::{broker::BrokerError, platform::Tag, queue::keys, secret};

/// About how many bytes of rows one call brings.
const PIECE_BYTES: u64 = 256 << 10;
/// How many rows one call brings at most.
const PIECE_ROWS: u64 = 1000;

/// Why a job could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Redis did not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// What stands in Redis is no job.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The job cannot be written as JSON.
    #[error("a job cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
    /// Rows went away while they were read: the job runs anew, or its time was over.
    #[error("{} of job {job} changed while it was read", .tag.as_str())]
    Replaced {
        /// The job.
        job: JobId,
        /// The dataset.
        tag: Tag,
    },
}

impl Jobs {
    /// The job as it is now, if there is one.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>, ReadError> {
        let hash = self.hash(id).await?;
        Ok(hash.map(|hash| Job::from_hash(id, hash)).transpose()?)
    }

    /// Where these jobs stand; `None` for one that there is not.
    pub async fn statuses(&self, ids: &[JobId]) -> Result<Vec<Option<Status>>, ReadError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for id in ids {
            pipeline.cmd("HGET").arg(keys::job(*id)).arg("status");
        }
        let statuses: Vec<Option<String>> = self.broker().pipeline(&pipeline).await?;
        Ok(statuses.into_iter().map(|status| status?.parse().ok()).collect())
    }

    /// Its hash as it stands in Redis, secrets masked.
    pub async fn shown_hash(&self, id: JobId) -> Result<Option<BTreeMap<String, String>>, ReadError> {
        let Some(hash) = self.hash(id).await? else { return Ok(None) };
        let mut shown: BTreeMap<_, _> = hash.into_iter().collect();
        if let Some(settings) = shown.get_mut("settings") {
            // What cannot be read cannot be masked in parts.
            *settings = serde_json::from_str(settings).map_or_else(
                |_| secret::MASK.to_owned(),
                |mut stored: Value| {
                    secret::mask(&mut stored);
                    stored.to_string()
                },
            );
        }
        Ok(Some(shown))
    }

    /// Its hash as it stands in Redis.
    pub(super) async fn hash(&self, id: JobId) -> Result<Option<HashMap<String, String>>, ReadError> {
        let hash: HashMap<_, _> = self.broker().query(redis::cmd("HGETALL").arg(keys::job(id))).await?;
        Ok(Some(hash).filter(|hash| !hash.is_empty()))
    }

    /// The kept lines of its log, each JSON, oldest first.
    pub async fn log(&self, id: JobId) -> Result<Vec<String>, ReadError> {
        let key = format!("{}:log", keys::job(id));
        let newest = -i64::from(self.limits.max_log_lines);
        Ok(self.broker().query(redis::cmd("LRANGE").arg(key).arg(newest).arg(-1)).await?)
    }

    /// The rows of a dataset, each JSON, in pieces of a bounded size; as many as `beside` counted.
    pub fn rows(
        &self,
        id: JobId,
        tag: Tag,
        beside: Beside,
    ) -> impl Stream<Item = Result<Vec<String>, ReadError>> + Send + use<> {
        self.rows_from(id, tag, beside, 0)
    }

    /// The same without so many of the first.
    pub fn rows_from(
        &self,
        id: JobId,
        tag: Tag,
        beside: Beside,
        first: u64,
    ) -> impl Stream<Item = Result<Vec<String>, ReadError>> + Send + use<> {
        let rows = beside.rows(tag);
        let piece = piece(rows.kept, rows.bytes);
        let key = format!("{}:{}", keys::job(id), tag.as_str());
        stream::try_unfold((self.clone(), first), move |(jobs, from)| {
            let key = key.clone();
            async move {
                if from >= rows.kept {
                    return Ok(None);
                }
                let next = (from + piece).min(rows.kept);
                let range: Vec<String> =
                    jobs.broker().query(redis::cmd("LRANGE").arg(key).arg(from).arg(next - 1)).await?;
                if u64::try_from(range.len()) != Ok(next - from) {
                    return Err(ReadError::Replaced { job: id, tag });
                }
                Ok(Some((range, (jobs, next))))
            }
        })
    }
}

/// How many rows are read at once.
fn piece(rows: u64, bytes: u64) -> u64 {
    let row = bytes.checked_div(rows).unwrap_or(0).max(1);
    (PIECE_BYTES / row).clamp(1, PIECE_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_bounded() {
        assert_eq!(piece(0, 0), PIECE_ROWS);
        assert_eq!(piece(10, 100), PIECE_ROWS);
        assert_eq!(piece(1000, 1000 << 10), 256);
        assert_eq!(piece(2, 64 << 20), 1);
    }
}
