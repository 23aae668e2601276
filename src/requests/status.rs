//! Where one provider's part of a request stands.
//!
//! ```text
//! INIT ──▶ RUNNING ⇄ WAITING
//!   └─────────┴────────┴──▶ DONE | FAILED | EXPIRED
//! ```

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The status of one provider's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobStatus {
    /// Nobody has asked the provider yet.
    Init,
    /// Somebody asks it.
    Running,
    /// It is asked again later.
    Waiting,
    /// It has answered.
    Done,
    /// It will not be asked again.
    Failed,
    /// The request ended before it had answered.
    Expired,
}

/// Not the name of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected INIT, RUNNING, WAITING, DONE, FAILED or EXPIRED")]
pub struct JobStatusError;

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Init, Self::Running, Self::Waiting, Self::Done, Self::Failed, Self::Expired];

    /// The word in records and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Running => "RUNNING",
            Self::Waiting => "WAITING",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
        }
    }

    /// Whether nothing changes it any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Expired)
    }

    /// Whether `next` may follow. A run that was killed begins again, so RUNNING may follow itself.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (_, Self::Init) => false,
            (from, _) if from.is_over() => false,
            (Self::Init, Self::Waiting) => false,
            _ => true,
        }
    }
}

impl FromStr for JobStatus {
    type Err = JobStatusError;

    fn from_str(text: &str) -> Result<Self, JobStatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(JobStatusError)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_transitions() {
        use JobStatus::{Done, Expired, Failed, Init, Running, Waiting};

        let allowed = [
            (Init, &[Running, Done, Failed, Expired][..]),
            (Running, &[Running, Waiting, Done, Failed, Expired]),
            (Waiting, &[Running, Waiting, Done, Failed, Expired]),
            (Done, &[]),
            (Failed, &[]),
            (Expired, &[]),
        ];
        for (from, to) in allowed {
            for next in JobStatus::ALL {
                assert_eq!(from.may_become(next), to.contains(&next), "{from} → {next}");
            }
        }
    }

    #[test]
    fn words_are_read_back() {
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!("done".parse::<JobStatus>(), Err(JobStatusError));
    }
}
