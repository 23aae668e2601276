//! A job's log, a page at a time.

use super::{Watch, store::script};
use crate::{broker::BrokerError, job::JobId};

/// Some lines of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The lines, each JSON, the oldest first.
    pub lines: Vec<String>,
    /// The number of the first of them, or of the line that comes next if there are none; 1 is a log's first line.
    pub first: u64,
    /// Lines there were.
    pub total: u64,
    /// Lines that can be read, the newest.
    pub kept: u64,
}

impl Watch {
    /// The last lines, or the last before a line's number; `None` if there is no such job.
    pub async fn log(&self, job: JobId, limit: usize, before: Option<u64>) -> Result<Option<LogPage>, BrokerError> {
        let answer: Vec<String> = self
            .script(script!("log"), job.shard(), |cmd| {
                cmd.arg(job).arg(limit).arg(before.unwrap_or(0));
            })
            .await?;
        let mut values = answer.into_iter();
        let mut number = || values.next().and_then(|text| text.parse().ok());
        let (Some(total), Some(kept), Some(first)) = (number(), number(), number()) else { return Ok(None) };
        Ok(Some(LogPage { lines: values.collect(), first, total, kept }))
    }
}
