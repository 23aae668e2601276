//! One bulk job, from its start or from its checkpoint to its end.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::{Action, Door, Filter, JobId};
use crate::{
    job::{CancelError, Job, Jobs, ListError, ReadError, Refusal, RetryError, Shard, Total},
    platform::{Context, Failure, Result},
    queue::Deleted,
};

/// The platform whose jobs do this.
pub const PLATFORM: &str = "bulk_action";

/// Jobs between two checkpoints.
const PAGE: usize = 100;

/// Jobs with which it is done at once.
const AT_ONCE: usize = 16;

/// Whoever is to be cancelled may go back meanwhile, from running to waiting, past where one has looked. So all are walked
/// again, until so many passes after each other have found nobody new; and so many times at most.
const QUIET_PASSES: usize = 2;
const MAX_PASSES: usize = 20;

/// Which jobs it is about.
#[derive(Clone, Debug)]
pub enum About {
    /// Those of a filter.
    Filter(Box<Filter>),
    /// These.
    Jobs(Vec<JobId>),
}

/// What came of it. Serialises to the result of the job.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Jobs that it looked at.
    pub matched: usize,
    /// With how many it was done.
    pub done: usize,
    /// How many were gone, had changed, or were run again before.
    pub skipped: usize,
    /// With how many it could not be done, by the code of the reason.
    pub failed: BTreeMap<String, usize>,
}

/// Where it is: what its checkpoint holds.
#[derive(Serialize, Deserialize)]
struct State {
    /// Jobs there were at its start.
    expected: Total,
    /// Which of the filters, or which of the ids, is next.
    next: usize,
    /// Where in the list of that filter.
    cursor: Option<String>,
    /// How often all filters were walked, and how many times in a row that brought nothing.
    passes: usize,
    quiet_passes: usize,
    /// With how many it was done before this pass.
    done_before: usize,
    report: Report,
}

impl State {
    fn beginning(expected: Total) -> Self {
        let report = Report::default();
        Self { expected, next: 0, cursor: None, passes: 0, quiet_passes: 0, done_before: 0, report }
    }

    /// Begins to walk all filters again, unless that has brought nothing for long enough.
    fn begin_again(&mut self) -> bool {
        self.passes += 1;
        self.quiet_passes = if self.report.done == self.done_before { self.quiet_passes + 1 } else { 0 };
        self.done_before = self.report.done;
        let goes_on = self.quiet_passes < QUIET_PASSES && self.passes < MAX_PASSES;
        if goes_on {
            (self.next, self.cursor) = (0, None);
        }
        goes_on
    }

    /// How far it is, 0 to 1. Of how many it is not known it comes nearer and nearer.
    fn fraction(&self) -> f64 {
        let number = |jobs: usize| f64::from(u32::try_from(jobs).unwrap_or(u32::MAX));
        let (matched, expected) = (number(self.report.matched), number(self.expected.count.max(1)));
        if self.expected.exact { (matched / expected).min(1.0) } else { matched / (matched + expected) }
    }
}

/// What became of one job.
enum Outcome {
    Done,
    Skipped,
    Failed(&'static str),
}

/// Does it about all of them; of a filter's jobs, those that are older than `than`.
pub async fn run(job: &Context, action: Action, about: About, than: JobId) -> Result<Report> {
    let jobs = job.room::<Door>()?.enter().await?;
    let bulk = Bulk { job, jobs, action };
    match about {
        About::Filter(filter) => bulk.walk(&filter, than).await,
        About::Jobs(ids) => bulk.go_through(&ids).await,
    }
}

struct Bulk<'a> {
    job: &'a Context,
    jobs: Jobs,
    action: Action,
}

impl Bulk<'_> {
    async fn walk(&self, filter: &Filter, than: JobId) -> Result<Report> {
        let unfit = |detail: String| Failure::settings("/filter", detail);
        filter.check().map_err(|error| unfit(error.to_string()))?;
        let parts = self.action.parts(filter).map_err(|error| unfit(error.to_string()))?;
        let mut state = match self.job.resume::<State>() {
            Some(state) => state,
            None => State::beginning(self.action.matching(&self.jobs, &parts).await?),
        };
        let parts: Vec<Filter> = parts.into_iter().map(|part| part.as_of(than)).collect();
        loop {
            while let Some(part) = parts.get(state.next) {
                let page = self.jobs.list(part, PAGE, state.cursor.as_deref()).await?;
                let meant = page.jobs.iter().filter(|job| self.means(job, filter, state.passes));
                let ids: Vec<JobId> = meant.map(|job| job.job_id).collect();
                self.act(&ids, &mut state.report).await?;
                state.next += usize::from(page.cursor.is_none());
                state.cursor = page.cursor;
                self.say(&state).await?;
            }
            if self.action != Action::Cancel || !state.begin_again() {
                return Ok(state.report);
            }
        }
    }

    /// Whether one that the filter finds is meant. What somebody did about many jobs is not done again by the way; and who
    /// was told to stop in an earlier pass is on its way.
    fn means(&self, job: &Job, filter: &Filter, passes: usize) -> bool {
        match self.action {
            Action::Cancel => passes == 0 || job.cancel_requested_at.is_none(),
            Action::Retry => job.platform_id != PLATFORM || filter.platform.is_some(),
            Action::Delete => true,
        }
    }

    async fn go_through(&self, ids: &[JobId]) -> Result<Report> {
        let fresh = || State::beginning(Total { count: ids.len(), exact: true });
        let mut state = self.job.resume::<State>().unwrap_or_else(fresh);
        while let Some(rest) = ids.get(state.next..).filter(|rest| !rest.is_empty()) {
            let page = rest.get(..PAGE).unwrap_or(rest);
            self.act(page, &mut state.report).await?;
            state.next += page.len();
            self.say(&state).await?;
        }
        Ok(state.report)
    }

    /// Says where it is; an error if it shall not go on.
    async fn say(&self, state: &State) -> Result<()> {
        self.job.checkpoint(state).await?;
        let Total { count, exact } = state.expected;
        let least = if exact { "" } else { "at least " };
        let message = format!("{} of {least}{count} {}", state.report.done, self.action.done());
        self.job.progress(state.fraction(), message).await;
        if self.job.cancelled().is_cancelled() {
            return Err(Failure::transient("stopped", "it was told to stop"));
        }
        Ok(())
    }

    /// Does it about a page of jobs.
    async fn act(&self, ids: &[JobId], report: &mut Report) -> Result<()> {
        let others: Vec<JobId> = ids.iter().copied().filter(|id| *id != self.job.id()).collect();
        let outcomes = match self.action {
            Action::Delete => self.delete(&others).await?,
            Action::Cancel | Action::Retry => {
                let one = |id: JobId| async move {
                    match self.action {
                        Action::Cancel => self.cancel(id).await,
                        Action::Retry | Action::Delete => self.retry(id).await,
                    }
                };
                stream::iter(others).map(one).buffer_unordered(AT_ONCE).try_collect().await?
            }
        };
        report.matched += outcomes.len();
        for outcome in outcomes {
            match outcome {
                Outcome::Done => report.done += 1,
                Outcome::Skipped => report.skipped += 1,
                Outcome::Failed(code) => *report.failed.entry(code.to_owned()).or_default() += 1,
            }
        }
        Ok(())
    }

    async fn cancel(&self, id: JobId) -> Result<Outcome> {
        match self.jobs.cancel(id).await {
            Ok(_) => Ok(Outcome::Done),
            Err(CancelError::Unknown | CancelError::Ended(_)) => Ok(Outcome::Skipped),
            Err(CancelError::Broker(error)) => Err(error.into()),
        }
    }

    async fn retry(&self, id: JobId) -> Result<Outcome> {
        match self.jobs.retry(id, &[]).await {
            Ok(_) => Ok(Outcome::Done),
            Err(RetryError::Unknown | RetryError::Status(_) | RetryError::Before(_)) => Ok(Outcome::Skipped),
            Err(RetryError::Refused(Refusal::Broker(error)) | RetryError::Read(ReadError::Broker(error))) => {
                Err(error.into())
            }
            Err(RetryError::Refused(_)) => Ok(Outcome::Failed("invalid_task_spec")),
            Err(RetryError::Read(_)) => Ok(Outcome::Failed("bad_record")),
            Err(RetryError::Seal(_)) => Ok(Outcome::Failed("cannot_open_secrets")),
        }
    }

    async fn delete(&self, ids: &[JobId]) -> Result<Vec<Outcome>> {
        let mut by_shard: BTreeMap<Shard, Vec<JobId>> = BTreeMap::new();
        for id in ids {
            by_shard.entry(id.shard()).or_default().push(*id);
        }
        let mut outcomes = Vec::with_capacity(ids.len());
        for (shard, ids) in by_shard {
            let deleted = self.jobs.queue().delete(shard, &ids).await?;
            outcomes.extend(deleted.into_iter().map(|deleted| match deleted {
                Deleted::Now => Outcome::Done,
                Deleted::Before | Deleted::Open(_) => Outcome::Skipped,
            }));
        }
        Ok(outcomes)
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Broker(error) => error.into(),
            ListError::Cursor(_) | ListError::Encode(_) => Self::fatal("list", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_walks_again_until_nobody_new_is_found() {
        let mut state = State::beginning(Total { count: 9, exact: true });
        let mut passes = Vec::new();
        for done in [9, 9, 10, 10, 10] {
            (state.next, state.report.done) = (5, done);
            passes.push((state.begin_again(), state.next));
        }
        assert_eq!(passes, [(true, 0), (true, 0), (true, 0), (true, 0), (false, 5)]);
        let mut state = State::beginning(Total { count: 9, exact: true });
        let passes = (1..).take_while(|pass| {
            state.report.done += 1;
            state.begin_again() && *pass < 1000
        });
        assert_eq!(passes.count() + 1, MAX_PASSES);
    }

    #[test]
    fn it_comes_nearer_its_end_and_not_beyond() {
        for (count, exact, matched, fraction) in [
            (0, true, 0, 0.0),
            (10, true, 5, 0.5),
            (10, true, 12, 1.0),
            (2000, false, 0, 0.0),
            (2000, false, 2000, 0.5),
            (2000, false, 6000, 0.75),
        ] {
            let mut state = State::beginning(Total { count, exact });
            state.report.matched = matched;
            assert!((state.fraction() - fraction).abs() < 1e-9, "{matched} of {count}");
        }
    }
}
