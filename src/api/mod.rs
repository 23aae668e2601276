//! HTTP: what `openapi.yaml` describes.
//!
//! In: requests. Out: answers from [`Jobs`]; this room runs nothing and knows no key of Redis but for the diagnosis.
//! Invariants: every error is a problem document with a stable code; a write goes on even if its client leaves;
//! nothing that a client sends is read without a bound.

mod events;
mod get;
mod layers;
mod list;
mod platforms;
mod problem;
mod query;
mod run;
mod spec;
mod system;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
    serve::ListenerExt as _,
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use self::problem::{Code, Problem};
use crate::{config::Config, job::Jobs};

/// How long requests may go on after a stop was asked for.
const GRACE: Duration = Duration::from_secs(5);

/// What every handler may use.
#[derive(Clone)]
struct Api {
    jobs: Jobs,
    config: Arc<Config>,
    /// Whether this process keeps sanjers, and can say how many there should be.
    supervises: bool,
    streams: Arc<Semaphore>,
    stop: CancellationToken,
    started: Instant,
}

/// Serves until `shutdown`, then lets requests end for a moment.
pub async fn serve(
    listener: TcpListener,
    jobs: Jobs,
    config: Arc<Config>,
    supervises: bool,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let streams = Arc::new(Semaphore::new(config.api.max_streams.min(Semaphore::MAX_PERMITS)));
    let stop = shutdown.clone();
    let api = Api { jobs, config, supervises, streams, stop, started: Instant::now() };
    let listener = listener.tap_io(|connection| {
        // An answer is written at once; without this, small ones wait for acknowledgements.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let serving = axum::serve(listener, router(api)).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        result = serving => result,
        () = async { shutdown.cancelled().await; sleep(GRACE).await } => {
            tracing::warn!("some requests did not end in time");
            Ok(())
        }
    }
}

/// Every route, then every layer.
fn router(api: Api) -> Router {
    let max_body = usize::try_from(api.config.api.max_body.0).unwrap_or(usize::MAX);
    let limited = Router::new()
        .route("/system/alive", get(system::alive).post(system::diagnose))
        .route("/platforms/get", get(platforms::get))
        .route("/execution/get", get(get::get))
        .route("/execution/list", get(list::list))
        .route("/openapi.yaml", get(spec::openapi))
        .layer(from_fn_with_state(api.config.api.timeout.0, layers::in_time));
    Router::new()
        // Its body and its write have a time each.
        .route("/execution/run", post(run::run))
        // A stream may last for ever.
        .route("/execution/events", get(events::events))
        .merge(limited)
        .fallback(async || Problem::new(Code::NotFound, "GET /openapi.yaml lists every path"))
        // The innermost layer comes first.
        .layer(DefaultBodyLimit::max(max_body))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn(layers::identify))
        .layer(CompressionLayer::new())
        .with_state(api)
}
