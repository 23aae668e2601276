//! The state machine: which statuses there are and which arrows between them exist.
//!
//! The scripts in `src/queue/lua` perform the arrows; this is the table they are held to (ARCHITECTURE.md
//! prints it with causes and effects).

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, to be queued at a later time.
    Scheduled,
    /// Waiting in its pool's queue.
    Queued,
    /// Claimed by a sanjer.
    Running,
    /// Failed for now; will be queued again after its backoff.
    Retrying,
    /// Asked to be run again later; costs no attempt.
    Snoozed,
    /// Done, with a result.
    Succeeded,
    /// The platform said no, or the attempts are used up.
    Failed,
    /// Ran over its time limit.
    TimedOut,
    /// Stopped by a person.
    Cancelled,
    /// It alone killed its process too often: quarantine.
    Dead,
}

/// The text names no status.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a status is one of scheduled, queued, running, retrying, snoozed, succeeded, failed, timed_out, cancelled, dead"
)]
pub struct StatusError;

impl Status {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Queued,
        Self::Running,
        Self::Retrying,
        Self::Snoozed,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Dead,
    ];

    /// The word used in Redis, in the API and on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Snoozed => "snoozed",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }

    /// Whether the job has ended for good: a terminal status is final.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Dead)
    }

    /// Whether the job waits for a time to come rather than for a free slot.
    pub const fn is_delayed(self) -> bool {
        matches!(self, Self::Scheduled | Self::Retrying | Self::Snoozed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = StatusError;

    fn from_str(text: &str) -> Result<Self, StatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(StatusError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_everywhere() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).ok(), Some(format!("\"{status}\"")));
        }
        assert_eq!("done".parse::<Status>(), Err(StatusError));
    }
}
