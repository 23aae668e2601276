//! Logs go to stderr: stdout belongs to answers.

use std::io;

use tracing_subscriber::EnvFilter;

use super::CliError;
use crate::config::{Log, LogFormat};

/// Starts logging as `[log]` says.
pub(super) fn init(log: &Log) -> Result<(), CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::Start(format!("cannot start logging: {error}"));
    let filter = EnvFilter::try_new(&log.level).map_err(|error| wrong(&error))?;
    // Complaining on stderr that stderr is gone would panic: a sanjer's ends with its supervisor.
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match log.format {
        LogFormat::Text => subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    }
    .map_err(|error| wrong(&error))
}
