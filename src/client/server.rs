//! The server.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::{get, post},
};
use futures_util::stream;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::memory::{Known, Memory};
use crate::{
    config::Span,
    outbound,
    requests::{RequestId, Secrets, SignedDelivery},
};

/// The contract.
const DOCUMENT: &str = include_str!("../../client/openapi.yaml");

/// Bytes of a body: a callback of `requests.max_callback`, and more.
const MAX_BODY: usize = 16 << 20;

/// The longest that an answer waits.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What the client works with.
#[derive(Debug)]
pub struct Settings {
    /// Base URL of the collector's API.
    pub api: Url,
    /// Where the collector reaches this client: `…/callback`.
    pub callback: Url,
    /// What callbacks are signed with.
    pub secrets: Secrets,
    /// How the collector is called.
    pub http: outbound::Client,
}

#[derive(Clone)]
struct Client(Arc<Inner>);

struct Inner {
    settings: Settings,
    memory: Memory,
}

/// What went wrong, in the shape of every error here.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// Which retrieval, and how long to wait for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: RequestId,
    wait: Option<Span>,
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, settings: Settings, stop: CancellationToken) -> io::Result<()> {
    let client = Client(Arc::new(Inner { settings, memory: Memory::new() }));
    axum::serve(listener, router(client)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn router(client: Client) -> Router {
    Router::new()
        .route("/retrieve", post(retrieve))
        .route("/retrieval", get(retrieval))
        .route("/retrieval/events", get(events))
        .route("/callback", post(callback))
        .route("/stats", get(async |State(client): State<Client>| Json(client.0.memory.stats())))
        .route("/openapi.yaml", get(async || ([(header::CONTENT_TYPE, "application/yaml")], DOCUMENT)))
        .fallback(async || Problem(StatusCode::NOT_FOUND, "GET /openapi.yaml lists every path".into()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(client)
}

/// Asks the collector.
async fn retrieve(State(client): State<Client>, body: Bytes) -> Result<Response, Problem> {
    let Inner { settings, memory } = &*client.0;
    let bad = |error: serde_json::Error| Problem(StatusCode::BAD_REQUEST, error.to_string());
    let mut post: Map<String, Value> = serde_json::from_slice(&body).map_err(bad)?;
    post.insert("callbackUrl".into(), json!(settings.callback));
    let id = RequestId::generate();
    memory.expect(id.clone());
    if let Err(problem) = submit(settings, &id, &Value::Object(post)).await {
        memory.forget(&id);
        return Err(problem);
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "retrievalId": id }))).into_response())
}

/// Posts under an id of our own, so that trying again is safe.
async fn submit(settings: &Settings, id: &RequestId, post: &Value) -> Result<(), Problem> {
    let mut url = settings.api.clone();
    url.set_path(&format!("{}/request", url.path().trim_end_matches('/')));
    url.set_query(Some(&format!("id={id}")));
    let unreachable = |error: outbound::Error| Problem(StatusCode::BAD_GATEWAY, format!("the collector: {error}"));
    let answer = settings.http.send(outbound::Request::post(url, post.to_string())).await.map_err(unreachable)?;
    if answer.status == StatusCode::ACCEPTED {
        return Ok(());
    }
    let said: Value = answer.json().unwrap_or_default();
    let said = said.get("error").and_then(Value::as_str).unwrap_or("it did not say why");
    let status = if answer.status.is_client_error() { answer.status } else { StatusCode::SERVICE_UNAVAILABLE };
    Err(Problem(status, format!("the collector: {said}")))
}

/// Receives what the collector tells. Anything but 2xx has it come again.
async fn callback(State(client): State<Client>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let Inner { settings, memory } = &*client.0;
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signature) = (said("webhook-id"), said("webhook-timestamp"), said("webhook-signature"));
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    let delivery = SignedDelivery { id, timestamp, signature, body: &body };
    settings.secrets.verify(&delivery, now).map_err(|error| {
        memory.refuse();
        Problem(StatusCode::UNAUTHORIZED, error.to_string())
    })?;
    // Only now is it worth reading.
    let bad = || Problem(StatusCode::BAD_REQUEST, "this is no callback of a collector".into());
    let body: Value = serde_json::from_slice(&body).map_err(|_| bad())?;
    let request = body.pointer("/data/requestId").and_then(Value::as_str).and_then(|id| id.parse().ok());
    memory.receive(id, request.ok_or_else(bad)?, body);
    Ok(StatusCode::NO_CONTENT)
}

/// What came of a retrieval.
async fn retrieval(
    State(client): State<Client>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Which { id, wait }) = which.map_err(|error| Problem(StatusCode::BAD_REQUEST, error.body_text()))?;
    let until = Instant::now() + wait.map_or(Duration::ZERO, |wait| wait.0.min(LONGEST_WAIT));
    // Before it is looked at, so that nothing that comes meanwhile is missed.
    let mut news = client.0.memory.news();
    loop {
        match client.0.memory.look(&id) {
            Known::Nothing => return Err(unknown()),
            Known::Came(result) => {
                return Ok(Json(json!({ "retrievalId": id, "status": "RECEIVED", "result": result })).into_response());
            }
            Known::Asked if tokio::time::timeout_at(until, news.changed()).await.is_err() => {
                return Ok(Json(json!({ "retrievalId": id, "status": "PENDING" })).into_response());
            }
            Known::Asked => {}
        }
    }
}

/// Where a stream of events is.
enum Next {
    Look,
    Wait,
    End,
}

/// Tells when it is there.
async fn events(
    State(client): State<Client>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Which { id, .. }) = which.map_err(|error| Problem(StatusCode::BAD_REQUEST, error.body_text()))?;
    let news = client.0.memory.news();
    if client.0.memory.look(&id) == Known::Nothing {
        return Err(unknown());
    }
    let told = stream::unfold((client, id, news, Next::Look), |(client, id, mut news, mut next)| async move {
        loop {
            if matches!(next, Next::End) {
                return None;
            }
            if matches!(next, Next::Wait) && news.changed().await.is_err() {
                return None;
            }
            let event = match client.0.memory.look(&id) {
                Known::Came(result) => Event::default().event("finished").data(result.to_string()),
                Known::Asked if matches!(next, Next::Look) => {
                    let event = Event::default().event("pending").data("{}");
                    return Some((Ok::<_, Infallible>(event), (client, id, news, Next::Wait)));
                }
                Known::Asked => {
                    next = Next::Wait;
                    continue;
                }
                Known::Nothing => return None,
            };
            return Some((Ok(event), (client, id, news, Next::End)));
        }
    });
    Ok(Sse::new(told).into_response())
}

fn unknown() -> Problem {
    Problem(StatusCode::NOT_FOUND, "there is no such retrieval, or it is forgotten".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_one_and_names_every_route() {
        let document: Value = serde_saphyr::from_str(DOCUMENT).unwrap();
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        let routes = ["/retrieve", "/retrieval", "/retrieval/events", "/callback", "/stats", "/openapi.yaml"];
        assert_eq!(paths, routes);
    }
}
