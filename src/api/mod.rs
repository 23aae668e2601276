//! HTTP: what `openapi.yaml` describes.
//!
//! In: requests. Out: answers from [`Jobs`]; this room runs nothing and knows no key of Redis.
//! Invariants: every error is a problem document with a stable code; a write is one call of a script, done wholly or
//! not at all, also if its client leaves;
//! nothing that a client sends is read without a bound.

mod again;
mod body;
mod bulk;
mod check_url;
#[cfg(test)]
mod contract;
mod crawl;
mod dashboard;
mod events;
mod gate;
mod get;
mod hosts;
mod layers;
mod list;
mod network;
mod platforms;
mod problem;
mod query;
mod requests;
mod run;
mod search;
mod server;
mod spec;
mod stream;
mod system;
#[cfg(test)]
mod tests;
mod watch;

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodFilter, MethodRouter, on},
};
use tokio::{
    net::TcpListener,
    sync::{OnceCell, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use self::{
    crawl::Crawls,
    hosts::Hosts,
    network::Networks,
    problem::{Code, Problem},
};
use crate::{
    config::Config,
    job::Jobs,
    outbound::Client,
    requests::Requests,
    watch::{Watch, record},
};

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PUT: MethodFilter = MethodFilter::PUT;

/// What every handler may use. It is cloned for every request, so all of it is behind one pointer.
#[derive(Clone)]
struct Api(Arc<Shared>);

struct Shared {
    jobs: Jobs,
    watch: Watch,
    crawls: Crawls,
    networks: Networks,
    requests: OnceCell<Requests>,
    /// Asked what it would call; nothing is called from here.
    http: Client,
    config: Arc<Config>,
    hosts: Hosts,
    /// Whether this process keeps sanjers, and can say how many there should be.
    supervises: bool,
    streams: Arc<Semaphore>,
    stop: CancellationToken,
    started: Instant,
}

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Serves until `shutdown`, then lets requests end for a moment.
pub async fn serve(
    listener: TcpListener,
    jobs: Jobs,
    config: Arc<Config>,
    supervises: bool,
    shutdown: CancellationToken,
) {
    let streams = Arc::new(Semaphore::new(config.api.max_streams.min(Semaphore::MAX_PERMITS)));
    let stop = shutdown.clone();
    let (hosts, crawls) = (Hosts::new(&config.api), Crawls::new(&jobs, &config));
    let (http, requests, started) = (Client::new(&config.network), OnceCell::new(), Instant::now());
    let networks = Networks::default();
    let watch = watching(&jobs, &config, supervises);
    if !supervises {
        // A supervisor takes down how the queues stand by itself.
        tokio::spawn(record(watch.clone(), shutdown.clone()));
    }
    let shared =
        Shared { jobs, watch, crawls, networks, requests, http, config, hosts, supervises, streams, stop, started };
    let api = Api(Arc::new(shared));
    server::serve(listener, router(api.clone()), &api.config.api, &shutdown).await;
}

/// Watches the pools that jobs can be in, and those of this host.
fn watching(jobs: &Jobs, config: &Config, supervises: bool) -> Watch {
    let ours = config.sanjers.pools.keys().filter(|_| supervises);
    let pools: BTreeSet<_> = jobs.registry().pools().into_iter().chain(ours.cloned()).collect();
    Watch::new(jobs.queue().clone(), pools)
}

/// Every route.
fn routes() -> Vec<Route> {
    vec![
        Route::new(GET, "/system/alive", system::alive),
        Route::new(POST, "/system/alive", system::diagnose),
        Route::new(POST, "/system/check_url", check_url::check),
        Route::new(GET, "/platforms/get", platforms::get),
        // Its body and its write have a time each.
        Route::new(POST, "/execution/run", run::run).unlimited().changes(),
        Route::new(POST, "/execution/check", run::check),
        Route::new(POST, "/execution/cancel", again::cancel).changes(),
        Route::new(POST, "/execution/retry", again::retry).unlimited().changes(),
        // It passes the gate itself unless it only counts.
        Route::new(POST, "/execution/bulk", bulk::bulk).unlimited(),
        Route::new(GET, "/execution/get", get::get),
        Route::new(GET, "/execution/list", list::list),
        Route::new(GET, "/execution/search", search::search),
        Route::new(GET, "/failures/get", search::failures),
        // A stream may last for ever.
        Route::new(GET, "/execution/events", events::events).unlimited(),
        Route::new(GET, "/queue/stats", watch::stats),
        Route::new(GET, "/queue/history", watch::history),
        Route::new(GET, "/sanjers/get", watch::sanjers),
        Route::new(POST, "/sanjers/quiet", watch::quiet).changes(),
        Route::new(POST, "/sanjers/resume", watch::resume).changes(),
        Route::new(POST, "/sanjers/recycle", watch::recycle).changes(),
        Route::new(GET, "/execution/explain", watch::explain),
        Route::new(GET, "/execution/log", watch::log),
        Route::new(GET, "/execution/dataset", watch::dataset),
        Route::new(GET, "/execution/hash", watch::hash),
        Route::new(GET, "/system/get", watch::system),
        Route::new(GET, "/metrics", watch::metrics),
        Route::new(GET, "/crawl/networks", crawl::networks),
        Route::new(GET, "/crawl/nodes", crawl::nodes),
        Route::new(GET, "/crawl/node", crawl::node),
        Route::new(GET, "/crawl/stats", crawl::stats),
        Route::new(GET, "/crawl/export", crawl::export),
        Route::new(GET, "/crawl/events", crawl::events).unlimited(),
        Route::new(GET, "/network", network::network),
        Route::new(GET, "/network/gone", network::gone),
        // Whether it is a handshake, or a stream: both may last for ever.
        Route::new(GET, "/network/ws", network::socket).unlimited(),
        Route::new(GET, "/network/events", network::events).unlimited(),
        Route::new(GET, "/node", network::nodes),
        Route::new(GET, "/node/", network::nodes),
        Route::new(GET, "/node/{id}", network::node),
        // Its body and its write have a time each.
        Route::new(POST, "/request", requests::accept).unlimited().changes(),
        // It may be asked to wait.
        Route::new(GET, "/request", requests::get).unlimited(),
        Route::new(PUT, "/request", requests::put).changes(),
        Route::new(POST, "/request/redeliver", requests::redeliver).changes(),
        Route::new(GET, "/request/list", requests::list),
        Route::new(GET, "/providers/get", requests::providers),
        Route::new(GET, "/openapi.yaml", spec::openapi),
        Route::new(GET, "/", dashboard::root),
        Route::new(GET, "/ui", dashboard::page),
        Route::new(GET, "/ui/", dashboard::page),
        Route::new(GET, "/ui/{page}", dashboard::page),
        Route::new(GET, "/ui/{page}/{id}", dashboard::page),
        Route::new(GET, "/ui/assets/{file}", dashboard::asset),
    ]
}

/// Every layer around the routes.
fn router(api: Api) -> Router {
    let max_body = usize::try_from(api.config.api.max_body.0).unwrap_or(usize::MAX);
    let in_time = from_fn_with_state(api.config.api.timeout.0, layers::in_time);
    let mut router = Router::new();
    let gate = from_fn_with_state(api.clone(), gate::around);
    for Route { path, handler, limited, changes, .. } in routes() {
        let handler = if limited { handler.layer(in_time.clone()) } else { handler };
        // Not `layer`: a method that the path does not have is told so.
        router = router.route(path, if changes { handler.route_layer(gate.clone()) } else { handler });
    }
    router
        .fallback(async || Problem::new(Code::NotFound, "GET /openapi.yaml lists every path"))
        // The innermost layer comes first.
        .layer(DefaultBodyLimit::max(max_body))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn_with_state(api.clone(), hosts::ours))
        .layer(from_fn(layers::identify))
        .layer(CompressionLayer::new())
        .with_state(api)
}

/// A method of a path: as data, so that tests can compare all of them with `openapi.yaml`.
struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "the router knows it from the handler; for comparing"))]
    method: MethodFilter,
    path: &'static str,
    handler: MethodRouter<Api>,
    /// Whether it must answer within `api.timeout`.
    limited: bool,
    /// Whether it changes something, and so is refused where the API is read-only.
    changes: bool,
}

impl Route {
    fn new<H: Handler<T, Api>, T: 'static>(method: MethodFilter, path: &'static str, handler: H) -> Self {
        Self { method, path, handler: on(method, handler), limited: true, changes: false }
    }

    fn unlimited(self) -> Self {
        Self { limited: false, ..self }
    }

    fn changes(self) -> Self {
        Self { changes: true, ..self }
    }
}
