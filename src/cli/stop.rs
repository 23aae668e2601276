//! When to stop: SIGINT and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::CliError;

/// A token that is cancelled by the first SIGINT or SIGTERM. Further ones change nothing: everything that stops has
/// a limit of its own.
pub(super) fn on_signal() -> Result<CancellationToken, CliError> {
    let listen = |kind| signal(kind).map_err(|error| CliError::Start(format!("cannot listen for signals: {error}")));
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
