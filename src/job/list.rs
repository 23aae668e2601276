//! How jobs are listed and counted: the smallest index is walked, a bounded number of jobs a page.

use redis::Pipeline;
use serde::{Deserialize, Serialize};

use super::{
    CursorError, Filter, Job, JobId, Jobs, Status,
    cursor::{self, Cursor, Position},
    plan::By,
    record::SUMMARY,
    sources::{ById, Order, Sources},
};
use crate::{broker::BrokerError, queue::keys};

/// Jobs looked at for one page, or to count, at most.
pub(super) const EXAMINED: usize = 2000;
/// Jobs looked at in one round trip, once the first did not fill the page.
const AGAIN: usize = 200;

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The jobs, in order, without settings, options, metadata and result.
    pub jobs: Vec<Job>,
    /// The order of the whole list.
    pub order: Order,
    /// Where the next page begins, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// So many; at least so many, if it is not exact.
    pub count: usize,
    /// Whether these are all.
    pub exact: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A filter or the next cursor cannot be written.
    #[error("the cursor cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
    /// Redis did not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Jobs {
    /// The next page after `cursor`, of at most `limit` jobs.
    pub async fn list(&self, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Page, ListError> {
        let list = self.name(filter)?;
        let before = cursor.map(|text| cursor::decode(&list, text)).transpose()?;
        let plan = self.plan(filter, before.map(|cursor| cursor.walk)).await?;
        let (order, mut after) = (plan.sources.order(), before.map(|cursor| cursor.after));
        let mut jobs = Vec::new();
        let mut examined = 0;
        loop {
            // One more than needed, to know whether this page is the last.
            let needed = limit - jobs.len() + 1;
            let n = if examined == 0 { needed } else { needed.max(AGAIN) };
            let piece = plan.sources.next(self.broker(), after, n).await?;
            let mut records = self.summaries(&piece.jobs).await?.into_iter().peekable();
            while let Some((position, job)) = records.next() {
                after = Some(position);
                examined += 1;
                jobs.extend(job.filter(|job| filter.admits(job)));
                let more = records.peek().is_some() || piece.more;
                if jobs.len() == limit || examined >= EXAMINED {
                    let next = Cursor { walk: plan.walk, after: position };
                    let cursor = if more { Some(cursor::encode(&list, next)?) } else { None };
                    return Ok(Page { jobs, order, cursor });
                }
            }
            if !piece.more || piece.jobs.is_empty() {
                return Ok(Page { jobs, order, cursor: None });
            }
        }
    }

    /// How many jobs are meant: exactly, where an index says it or a bounded look tells.
    pub async fn total(&self, filter: &Filter) -> Result<Total, ListError> {
        let plan = self.plan(filter, None).await?;
        let candidates = plan.sources.count(self.broker()).await?;
        if !plan.walk.placed && is_covered(filter, plan.walk.by) {
            return Ok(Total { count: candidates, exact: true });
        }
        let of_any_age = Filter { created_from: None, created_to: None, ..filter.clone() };
        if candidates > EXAMINED
            && is_covered(&of_any_age, plan.walk.by)
            && let Sources::Newest(sets) = &plan.sources
        {
            let sure = sets.iter().map(|set| ById { ids: filter.ids_for_sure(), ..set.clone() }).collect();
            return Ok(Total { count: Sources::Newest(sure).count(self.broker()).await?, exact: false });
        }
        self.count(filter, &plan.sources).await
    }

    /// Looks at the candidates themselves.
    async fn count(&self, filter: &Filter, sources: &Sources) -> Result<Total, ListError> {
        let (mut count, mut examined, mut after) = (0, 0, None);
        loop {
            let piece = sources.next(self.broker(), after, AGAIN).await?;
            let records = self.summaries(&piece.jobs).await?;
            examined += records.len();
            count += records.iter().filter(|(_, job)| job.as_ref().is_some_and(|job| filter.admits(job))).count();
            after = piece.jobs.last().copied();
            if !piece.more || after.is_none() {
                return Ok(Total { count, exact: true });
            }
            if examined >= EXAMINED {
                return Ok(Total { count, exact: false });
            }
        }
    }

    /// Tells lists apart by what they ask for.
    fn name(&self, filter: &Filter) -> Result<String, serde_json::Error> {
        Ok(self.keyed_hash(&serde_json::to_vec(filter)?).chars().take(16).collect())
    }

    /// What a list shows of these jobs; `None` for one that is gone meanwhile.
    pub(super) async fn summaries(&self, positions: &[Position]) -> Result<Vec<(Position, Option<Job>)>, BrokerError> {
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
}

/// Whether all jobs of the index that is walked are meant: then its size is their number.
fn is_covered(filter: &Filter, by: By) -> bool {
    if filter.has_created_window() || filter.before.is_some() {
        return false;
    }
    let is_plain = filter.pool.is_none() && filter.error.is_none();
    let is_of_all = is_plain && filter.status.is_none() && !filter.has_finished_window();
    match by {
        By::Label => is_of_all && filter.platform.is_none() && filter.client_id.is_none(),
        By::Client => is_of_all && filter.platform.is_none() && filter.label.is_none(),
        By::Created => is_of_all,
        By::Index if filter.label.is_some() || filter.client_id.is_some() => false,
        By::Index => match filter.status {
            // Only these sets hold jobs of one status.
            Some(Status::Queued) => filter.platform.is_none() && filter.error.is_none(),
            Some(Status::Running) => is_plain && filter.platform.is_none(),
            Some(Status::Scheduled | Status::Retrying | Status::Snoozed) => false,
            Some(Status::Succeeded | Status::Cancelled) => is_plain,
            Some(Status::Failed | Status::TimedOut | Status::Dead) | None => filter.pool.is_none(),
        },
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
