//! When to stop: SIGINT and SIGTERM. When to replace all sanjers: SIGHUP.

use std::future::pending;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::CliError;
use crate::sanjer::Supervisor;

/// A token that is cancelled by the first SIGINT or SIGTERM. Further ones change nothing: everything that stops has
/// a limit of its own.
pub(super) fn on_signal() -> Result<CancellationToken, CliError> {
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
        token.cancel();
    });
    Ok(stop)
}

/// Listens for SIGHUP, which ends the process as long as nobody does.
pub(super) fn hangups() -> Result<Signal, CliError> {
    listen(SignalKind::hangup())
}

/// Replaces all sanjers at every SIGHUP; for ever.
pub(super) async fn reload_at_each(mut hangups: Signal, supervisor: &Supervisor) {
    while hangups.recv().await.is_some() {
        supervisor.reload();
    }
    pending::<()>().await;
}

fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::Start(format!("cannot listen for signals: {error}")))
}
