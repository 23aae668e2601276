//! The nodes as HTTP servers.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{
    manner::Manner,
    status::status,
    world::{Plan, World, address},
};

/// How often a port is tried that is free for the first node and not for all.
const TRIES: u8 = 20;
/// The most nodes.
const MOST: u16 = 10_000;

/// Nodes that answer until this is dropped.
#[derive(Debug)]
pub struct Hathor {
    world: Arc<Mutex<World>>,
    urls: Vec<Url>,
    _stop: DropGuard,
}

/// Why there are no nodes.
#[derive(Debug, thiserror::Error)]
pub enum HathorError {
    /// None at all, or too many.
    #[error("there can be 1 to {MOST} nodes")]
    Count,
    /// No port is free on the addresses of all of them.
    #[error("the nodes cannot listen")]
    Listen(#[from] io::Error),
}

/// What a request needs.
#[derive(Clone)]
struct Here {
    world: Arc<Mutex<World>>,
    number: usize,
}

impl Hathor {
    /// Starts them; they listen when it returns.
    pub async fn start(plan: &Plan) -> Result<Self, HathorError> {
        if !(1..=MOST).contains(&plan.nodes) {
            return Err(HathorError::Count);
        }
        let listeners = listen(plan.nodes, plan.port).await?;
        let world = Arc::new(Mutex::new(World::new(plan, now())));
        let stop = CancellationToken::new();
        let mut urls = Vec::new();
        for (number, (address, listener)) in listeners.into_iter().enumerate() {
            lock(&world).port = address.port();
            urls.extend(Url::parse(&format!("http://{address}/")));
            let here = Here { world: world.clone(), number };
            let router = Router::new().route("/v1a/status", get(answer)).with_state(here);
            let stopped = stop.clone().cancelled_owned();
            tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        }
        Ok(Self { world, urls, _stop: stop.drop_guard() })
    }

    /// Their base URLs.
    pub fn urls(&self) -> &[Url] {
        &self.urls
    }

    /// The port that all of them listen on.
    pub fn port(&self) -> u16 {
        lock(&self.world).port
    }

    /// The id of a node; empty if there is none of that number.
    pub fn id(&self, number: u16) -> String {
        lock(&self.world).nodes.get(usize::from(number)).map(|node| node.id.clone()).unwrap_or_default()
    }

    /// From now on a node behaves like this.
    pub fn behave(&self, number: u16, manner: Manner) {
        if let Some(node) = lock(&self.world).nodes.get_mut(usize::from(number)) {
            node.manner = manner;
        }
    }

    /// A node restarts.
    pub fn restart(&self, number: u16) {
        lock(&self.world).restart(number, now());
    }

    /// A node loses the connection that it told of last; false if it has none.
    pub fn disconnect(&self, number: u16) -> bool {
        lock(&self.world).nodes.get_mut(usize::from(number)).is_some_and(|node| node.connected.pop().is_some())
    }

    /// All nodes have a new block.
    pub fn advance(&self) {
        lock(&self.world).advance(now());
    }
}

/// The same port on every address.
async fn listen(nodes: u16, port: u16) -> io::Result<Vec<(SocketAddr, TcpListener)>> {
    let mut tries = 0;
    loop {
        tries += 1;
        match listen_once(nodes, port).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port == 0 && tries < TRIES => {}
            other => return other,
        }
    }
}

async fn listen_once(nodes: u16, mut port: u16) -> io::Result<Vec<(SocketAddr, TcpListener)>> {
    let mut listeners = Vec::new();
    for number in 0..nodes {
        let listener = TcpListener::bind((address(number), port)).await?;
        let address = listener.local_addr()?;
        port = address.port();
        listeners.push((address, listener));
    }
    Ok(listeners)
}

async fn answer(State(Here { world, number }): State<Here>) -> Response {
    let manner = lock(&world).nodes.get(number).map(|node| node.manner).unwrap_or_default();
    match manner {
        Manner::Hung => std::future::pending().await,
        Manner::Failing => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Manner::Redirecting => {
            (StatusCode::FOUND, [(header::LOCATION, "http://127.0.0.1:1/v1a/status")]).into_response()
        }
        Manner::Garbage => "<html>".into_response(),
        Manner::Endless => {
            let piece = Bytes::from(vec![b' '; 1 << 16]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()))).into_response()
        }
        _ => {
            let world = lock(&world);
            let Some(node) = world.nodes.get(number) else { return StatusCode::NOT_FOUND.into_response() };
            Json(status(&world, node, now(), rand::random::<f64>)).into_response()
        }
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
