//! What can be done about jobs, and with which.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{Filter, JobId, Jobs, ListError, ReadError, Status, Total};

/// What is to be done about jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Stop those that have not ended.
    Cancel,
    /// Run those again that did not succeed.
    Retry,
    /// Delete those that have ended.
    Delete,
}

/// It cannot be done with jobs of this status.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a job that is {status} cannot be the object of {}", .action.as_str())]
pub struct Unfit {
    action: Action,
    status: Status,
}

impl Action {
    /// The word in bodies and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Delete => "delete",
        }
    }

    /// How it is told of jobs with which it was done.
    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Retry => "run again",
            Self::Delete => "deleted",
        }
    }

    /// Of which status jobs are with which it can be done.
    const fn statuses(self) -> &'static [Status] {
        match self {
            Self::Cancel => &[Status::Scheduled, Status::Queued, Status::Retrying, Status::Snoozed, Status::Running],
            Self::Retry => &[Status::Failed, Status::TimedOut, Status::Cancelled, Status::Dead],
            Self::Delete => &[Status::Succeeded, Status::Failed, Status::TimedOut, Status::Cancelled, Status::Dead],
        }
    }

    /// The jobs of a filter with which it can be done: a filter a status.
    pub fn parts(self, filter: &Filter) -> Result<Vec<Filter>, Unfit> {
        let fits = |status: &&Status| filter.status.is_none_or(|wanted| wanted == **status);
        let part = |status: &Status| Filter { status: Some(*status), ..filter.clone() };
        let parts: Vec<Filter> = self.statuses().iter().filter(fits).map(part).collect();
        match filter.status {
            Some(status) if parts.is_empty() => Err(Unfit { action: self, status }),
            _ => Ok(parts),
        }
    }

    /// How many jobs it would be about.
    pub async fn matching(self, jobs: &Jobs, parts: &[Filter]) -> Result<Total, ListError> {
        let mut all = Total { count: 0, exact: true };
        for part in parts {
            let total = jobs.total(part).await?;
            all = Total { count: all.count + total.count, exact: all.exact && total.exact };
        }
        Ok(all)
    }

    /// The same of these jobs.
    pub async fn matching_of(self, jobs: &Jobs, ids: &[JobId]) -> Result<Total, ReadError> {
        let statuses = jobs.statuses(ids).await?;
        let fits = statuses.into_iter().flatten().filter(|status| self.statuses().contains(status));
        Ok(Total { count: fits.count(), exact: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_about_jobs_with_which_it_can_be_done() {
        for action in [Action::Cancel, Action::Retry, Action::Delete] {
            for status in Status::ALL {
                let filter = Filter { status: Some(status), ..Filter::default() };
                let fits = match action {
                    Action::Cancel => !status.is_terminal(),
                    Action::Retry => status.is_terminal() && status != Status::Succeeded,
                    Action::Delete => status.is_terminal(),
                };
                let expected = if fits { Ok(vec![filter.clone()]) } else { Err(Unfit { action, status }) };
                assert_eq!(action.parts(&filter), expected, "{action:?} {status}");
            }
        }
        let labelled = Filter { label: Some("a".into()), ..Filter::default() };
        let parts = Action::Retry.parts(&labelled).unwrap();
        assert_eq!(parts.len(), 4);
        assert!(parts.iter().all(|part| part.label == labelled.label && part.status.is_some()));
    }
}
