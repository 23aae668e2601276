//! Connections: how many at once, how long they may keep quiet, and how they end.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::process::{Resource, getrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::config;

/// How long requests may go on after a stop was asked for.
const GRACE: Duration = Duration::from_secs(5);

/// The buffer of a connection, which bounds the head of a request: one that has not come to its end after that many
/// bytes, and what one more read brings, is refused.
const HEAD: usize = 64 << 10;

/// File descriptors for everything but connections.
const OTHER_FILES: u64 = 128;

/// The wait after the system refused a connection, for want of file descriptors above all.
const OUT_OF_RESOURCES: Duration = Duration::from_secs(1);

/// Serves until `shutdown`, then lets requests end for a moment.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: &config::Api, shutdown: &CancellationToken) {
    if let Some(files) = getrlimit(Resource::Nofile).current
        && files < OTHER_FILES.saturating_add(limits.max_connections as u64)
    {
        tracing::warn!(files, "the system allows fewer open files (ulimit -n) than api.max_connections needs");
    }
    let slots = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut http = http1::Builder::new();
    // Also how long a connection may be kept open between two requests.
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout.0).max_buf_size(HEAD);
    let open = TaskTracker::new();
    loop {
        let (slot, stream) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let service = TowerToHyperService::new(router.clone());
        // Upgraded ones are WebSockets, which end by themselves.
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let shutdown = shutdown.clone();
        open.spawn(async move {
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            }
            drop(slot);
        });
    }
    open.close();
    drop(listener);
    if timeout(GRACE, open.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// The next connection that may be served. While there are too many, others wait in the system's queue.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (Option<OwnedSemaphorePermit>, TcpStream) {
    // Nobody closes the semaphore.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer is written at once; without this, small ones wait for acknowledgements.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return (slot, stream);
            }
            // Its client left before we came.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot take connections; will keep trying");
                sleep(OUT_OF_RESOURCES).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
