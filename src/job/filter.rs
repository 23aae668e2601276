//! Which jobs are meant: what a person, a list or a bulk action asks for. All of it must hold.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Job, JobId, Status, options::is_label, spec::is_client_id};
use crate::config::is_name;

/// How far the time in a job's id may be from its `created_at`: the one is of who accepted it, the other of Redis.
const SKEW_MS: i64 = 1000;

/// How much later than that Redis may have taken the job: it was asked to, and did not answer at once.
const LAG_MS: i64 = 60_000;

/// What stands for an error's code that is none.
const OTHER_CODE: &str = "other";

/// Filters of jobs, all of which must hold; without any, all jobs are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Only jobs that stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Only jobs of this platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Only jobs of this pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Only jobs with this label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Only jobs to which a client gave this `_id`.
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Only jobs whose last error has this code; without a status, of those that failed, timed out or are dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Only jobs created then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created_from: Option<Timestamp>,
    /// Only jobs created before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub created_to: Option<Timestamp>,
    /// Only jobs that finished then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_from: Option<Timestamp>,
    /// Only jobs that finished before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub finished_to: Option<Timestamp>,
    /// Only jobs with a lower id; nothing that a client says ([`Filter::as_of`]).
    #[serde(skip)]
    pub before: Option<JobId>,
}

/// A filter asks for what cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}: {detail}")]
pub struct FilterError {
    /// Which filter.
    pub name: &'static str,
    /// What would be right.
    pub detail: &'static str,
}

impl Filter {
    /// Whether its words can be what they stand for.
    pub fn check(&self) -> Result<(), FilterError> {
        let is = |name, value: &Option<String>, fits: fn(&str) -> bool, detail| match value {
            Some(value) if !fits(value) => Err(FilterError { name, detail }),
            _ => Ok(()),
        };
        is("platform", &self.platform, is_platform, "expected the id of a platform")?;
        is("pool", &self.pool, is_name, "expected the name of a pool")?;
        is("label", &self.label, is_label, "expected a label: 1 to 64 of a-z 0-9 _ . : = / -")?;
        is("_id", &self.client_id, is_client_id, "expected 1 to 200 characters without control characters")?;
        is("error", &self.error, is_code, "expected the code of an error")
    }

    /// The same jobs of those that there were when a job of this id was made.
    #[must_use]
    pub fn as_of(mut self, id: JobId) -> Self {
        self.before = Some(id);
        if self.is_of_finished() {
            let then = Timestamp::from_millisecond(id.millisecond() + SKEW_MS).unwrap_or(Timestamp::MAX);
            self.finished_to = Some(self.finished_to.map_or(then, |to| to.min(then)));
        }
        self
    }

    /// Whether only jobs that have ended can be meant.
    pub(super) fn is_of_finished(&self) -> bool {
        match self.status {
            Some(status) => status.is_terminal(),
            None => self.error.is_some() || self.has_finished_window(),
        }
    }

    pub(super) fn has_finished_window(&self) -> bool {
        self.finished_from.is_some() || self.finished_to.is_some()
    }

    pub(super) fn has_created_window(&self) -> bool {
        self.created_from.is_some() || self.created_to.is_some()
    }

    /// Whether a job is meant.
    pub(super) fn admits(&self, job: &Job) -> bool {
        let is = |wanted: &Option<String>, there: &str| wanted.as_ref().is_none_or(|wanted| wanted == there);
        let ended = |status: Status| matches!(status, Status::Failed | Status::TimedOut | Status::Dead);
        self.status.is_none_or(|status| status == job.status)
            && is(&self.platform, &job.platform_id)
            && is(&self.pool, &job.pool)
            && self.label.as_ref().is_none_or(|label| job.labels.contains(label))
            && (self.client_id.is_none() || self.client_id == job.client_id)
            && self.error.as_deref().is_none_or(|code| code_of(job) == Some(code))
            && (self.error.is_none() || self.status.is_some() || ended(job.status))
            && self.before.is_none_or(|before| job.job_id < before)
            && is_within(Some(&job.created_at), self.created_from, self.created_to)
            && (!self.has_finished_window()
                || is_within(job.finished_at.as_ref(), self.finished_from, self.finished_to))
    }

    /// The bounds of job ids between which all jobs are that are meant: from, and to which excluded.
    pub(super) fn ids(&self) -> Ids {
        let from = self.created_from.map(|from| beginning(millisecond(from) - SKEW_MS - LAG_MS)).unwrap_or_default();
        let to = self.created_to.map(|to| beginning(millisecond(to) + SKEW_MS));
        let before = self.before.map(|id| id.to_string());
        Ids { from, to: [to, before].into_iter().flatten().min() }
    }

    /// Bounds between which no job is that is not meant for its age.
    pub(super) fn ids_for_sure(&self) -> Ids {
        let from = self.created_from.map(|from| beginning(millisecond(from) + SKEW_MS)).unwrap_or_default();
        let to = self.created_to.map(|to| beginning(millisecond(to) - SKEW_MS - LAG_MS));
        let before = self.before.map(|id| id.to_string());
        Ids { from, to: [to, before].into_iter().flatten().min() }
    }

    /// The bounds of `finished_at` in ms: from, and to which excluded.
    pub(super) fn finished(&self) -> (Option<i64>, Option<i64>) {
        (self.finished_from.map(millisecond), self.finished_to.map(millisecond))
    }
}

/// A range of job ids, as texts that may be shorter than ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    /// Included.
    pub(super) from: String,
    /// Excluded.
    pub(super) to: Option<String>,
}

/// The code of a job's error, as the indexes have it.
pub(super) fn code_of(job: &Job) -> Option<&str> {
    let code = job.error.as_ref()?.get("code").and_then(serde_json::Value::as_str);
    Some(code.filter(|code| is_code(code)).unwrap_or(OTHER_CODE))
}

fn is_within(time: Option<&String>, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    if from.is_none() && to.is_none() {
        return true;
    }
    let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) else { return false };
    from.is_none_or(|from| from <= time) && to.is_none_or(|to| time < to)
}

/// The first whole millisecond that is not before `time`.
fn millisecond(time: Timestamp) -> i64 {
    let floor = time.as_millisecond();
    let is_whole = Timestamp::from_millisecond(floor).is_ok_and(|whole| whole >= time);
    if is_whole { floor } else { floor.saturating_add(1) }
}

/// What ids of a millisecond begin with; of times that no id can have, what comes before or behind all ids.
fn beginning(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0).min((1 << 48) - 1);
    format!("{:08x}-{:04x}", ms >> 16, ms & 0xffff)
}

fn is_platform(id: &str) -> bool {
    id.len() <= 40
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

pub(super) fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}
