//! Why a command ends without doing what it was asked to, and its exit code.

use std::process::ExitCode;

use serde::Deserialize;

use crate::{
    broker::{BrokerError, CheckError, EmbeddedError},
    config::ConfigError,
};

/// A command failed. Each variant has one exit code.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// It could not start.
    #[error("{0}")]
    Start(String),
    /// The API said no.
    #[error("{0}")]
    Refused(Problem),
    /// The API cannot be reached, or cannot serve now.
    #[error("{0}")]
    Unreachable(String),
}

/// The body of an error of the API (RFC 9457).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    /// The status of the response.
    pub(super) status: u16,
    title: String,
    code: String,
    detail: String,
    errors: Vec<Wrong>,
}

/// One thing wrong with what was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wrong {
    pointer: String,
    detail: String,
}

impl CliError {
    /// Says it on stderr, and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("collector: {self}");
        ExitCode::from(match self {
            Self::Refused(problem) if problem.status == 404 => 1,
            Self::Start(_) | Self::Refused(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }
}

impl Problem {
    /// An error whose body says nothing.
    pub(super) fn bare(status: u16, title: &str) -> Self {
        Self { status, title: title.to_owned(), ..Self::default() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.detail.is_empty() { &self.title } else { &self.detail };
        write!(f, "{what} ({}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        f.write_str(")")?;
        for wrong in &self.errors {
            let pointer = if wrong.pointer.is_empty() { "(the whole)" } else { &wrong.pointer };
            write!(f, "\n  {pointer}: {}", wrong.detail)?;
        }
        Ok(())
    }
}

macro_rules! start_up {
    ($($error:ty),*) => {$(
        impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                Self::Start(error.to_string())
            }
        }
    )*};
}
start_up!(BrokerError, CheckError, ConfigError, EmbeddedError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_a_list() {
        let body = r#"{"type":"about:blank","title":"Unprocessable","status":422,"code":"bad_settings",
            "detail":"the settings do not fit","errors":[{"pointer":"/bootnodes","detail":"missing"},
            {"pointer":"","detail":"unknown field"}]}"#;
        let problem: Problem = serde_json::from_str(body).unwrap();
        assert_eq!(
            problem.to_string(),
            "the settings do not fit (422 bad_settings)\n  /bootnodes: missing\n  (the whole): unknown field"
        );
    }
}
