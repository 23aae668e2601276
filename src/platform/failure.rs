//! How a run ends badly, and what happens next: the variant decides.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{outbound, secret::Redactor};

/// Why a run failed. Choose by what should happen next:
///
/// | variant | next |
/// |---|---|
/// | `Settings` | failed at once: the same settings would fail again |
/// | `Transient` | retried with backoff while attempts are left |
/// | `Snooze` | run again after the wait; costs no attempt |
/// | `Fatal` | failed at once |
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum Failure {
    /// A value in the settings cannot work.
    #[error("settings{pointer}: {detail}")]
    Settings {
        /// JSON pointer into the settings, `""` for the whole.
        pointer: String,
        /// What is wrong with it and what would be right.
        detail: String,
    },
    /// Something outside failed that may work later.
    #[error("{message}")]
    Transient {
        /// Stable, for machines: `connection_refused`.
        code: &'static str,
        /// For people.
        message: String,
        /// The other side said when to come back; replaces the backoff.
        retry_after: Option<Duration>,
    },
    /// Nothing failed, but it is too early.
    #[error("{reason}")]
    Snooze {
        /// How long to wait.
        wait: Duration,
        /// For people.
        reason: String,
    },
    /// It failed and trying again will not help.
    #[error("{message}")]
    Fatal {
        /// Stable, for machines.
        code: &'static str,
        /// For people.
        message: String,
    },
}

/// What a platform returns: its report, or why there is none.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// The settings are at fault, at this JSON pointer.
    pub fn settings(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Settings { pointer: pointer.into(), detail: detail.into() }
    }

    /// Worth another attempt.
    pub fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self::Transient { code, message: message.into(), retry_after: None }
    }

    /// Too early: run again after `wait`.
    pub fn snooze(wait: Duration, reason: impl Into<String>) -> Self {
        Self::Snooze { wait, reason: reason.into() }
    }

    /// Not worth another attempt.
    pub fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self::Fatal { code, message: message.into() }
    }

    /// As it is kept on the job.
    pub fn to_error(&self) -> JobError {
        let (class, code) = match self {
            Self::Settings { .. } => ("settings", "bad_settings"),
            Self::Transient { code, .. } => ("transient", *code),
            Self::Snooze { .. } => ("snooze", "snoozed"),
            Self::Fatal { code, .. } => ("fatal", *code),
        };
        JobError { class: class.into(), code: code.into(), message: self.to_string(), detail: None }
    }
}

/// The field `error` of a job.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct JobError {
    /// `settings`, `transient`, `snooze`, `fatal`, `timeout`, `limit`, `crash`, `internal`.
    pub class: String,
    /// Stable, for machines.
    pub code: String,
    /// For people.
    pub message: String,
    /// More, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

impl JobError {
    /// Without what the job keeps secret. Class and code are the program's own words.
    #[must_use]
    pub fn hiding(self, redactor: &Redactor) -> Self {
        let detail = self.detail.map(|detail| redactor.redact_value(detail));
        Self { message: redactor.redact(&self.message), detail, ..self }
    }

    /// As it is kept on the job. A message or a detail that is too long is cut: it stands in the job's history too.
    pub fn to_json(&self) -> String {
        let detail = self.detail.clone().filter(|detail| detail.to_string().len() <= super::MAX_MESSAGE);
        let bounded = Self { message: super::context::cut(self.message.clone()), detail, ..self.clone() };
        // Plain strings and values: this cannot fail.
        serde_json::to_string(&bounded)
            .unwrap_or_else(|_| r#"{"class":"internal","code":"unprintable","message":""}"#.into())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::transient("io", error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::fatal("json", error.to_string())
    }
}

impl From<outbound::Error> for Failure {
    fn from(error: outbound::Error) -> Self {
        if error.may_pass() {
            Self::transient(error.code(), error.to_string())
        } else {
            Self::fatal(error.code(), error.to_string())
        }
    }
}

impl From<outbound::Wait> for Failure {
    fn from(wait: outbound::Wait) -> Self {
        Self::snooze(wait.after, wait.because.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Because, Error, Refusal, Rule, Wait};

    #[test]
    fn a_call_decides_what_happens_next() {
        let refusal = Refusal { rule: Rule::Private, subject: "10.0.0.1".into() };
        for (failure, class, code) in [
            (Failure::from(Error::Refused(refusal)), "fatal", "refused"),
            (Error::BodyTooLarge { limit: 1 }.into(), "fatal", "body_too_large"),
            (Error::Timeout { after: Duration::ZERO }.into(), "transient", "timeout"),
            (Error::Lookup("gone".into()).into(), "transient", "lookup_failed"),
            (Wait { after: Duration::ZERO, because: Because::Open }.into(), "snooze", "snoozed"),
        ] {
            let error = failure.to_error();
            assert_eq!((error.class.as_str(), error.code.as_str()), (class, code));
        }
    }
}
