//! Logs go to stderr: stdout belongs to answers.

use std::io;

use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::LevelFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::CliError;
use crate::{
    config::{Log, LogFormat, LogLevel},
    sanjer,
};

/// Starts logging as `[log]` says.
pub(super) fn init(log: &Log) -> Result<(), CliError> {
    init_sanjer(log, LogLevel::Off)
}

/// The same for a process that runs jobs, whose events go to their logs from `jobs` on.
pub(super) fn init_sanjer(log: &Log, jobs: LogLevel) -> Result<(), CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::Start(format!("cannot start logging: {error}"));
    let filter = EnvFilter::try_new(&log.level).map_err(|error| wrong(&error))?;
    // Whoever reads our stderr may be gone. Saying so on stderr, as the default is, would then be a panic.
    let ours = fmt::layer().with_writer(io::stderr).log_internal_errors(false);
    let ours: Box<dyn Layer<Registry> + Send + Sync> = match log.format {
        LogFormat::Text => ours.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).boxed(),
        LogFormat::Json => ours.json().flatten_event(true).boxed(),
    };
    let level = match jobs {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let of_jobs = (jobs != LogLevel::Off).then(|| sanjer::listener(level));
    let subscriber = tracing_subscriber::registry().with(ours.with_filter(sanjer::without_runs(filter)));
    subscriber.with(of_jobs).try_init().map_err(|error| wrong(&error))
}
