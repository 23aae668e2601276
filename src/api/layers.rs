//! What happens to every request: its id, its line in the log, its problem document.

use std::{any::Any, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;
use uuid::Uuid;

use super::problem::{Code, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id, logs it, and turns whatever went wrong into a problem document that names the id.
pub(super) async fn identify(request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_request_id(id));
    let id = given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let (method, path, since) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    // Not worth its price to those who do not look: what goes wrong is logged with the id anyway.
    let span = tracing::debug_span!("request", request.id = id, %method, path);
    let mut response = async {
        let response = next.run(request).await;
        let (status, duration_ms) = (response.status().as_u16(), since.elapsed().as_millis());
        tracing::debug!(status, duration_ms, "answered");
        response
    }
    .instrument(span)
    .await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.render(&path, &id);
    } else if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = method_not_allowed(&method, &path, response.headers_mut().remove(header::ALLOW), &id);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// What the router says about a method that a path does not have; or what it has, to those who ask.
fn method_not_allowed(method: &Method, path: &str, allow: Option<HeaderValue>, id: &str) -> Response {
    let mut response = if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Problem::new(Code::MethodNotAllowed, "the header Allow lists the methods of this path").render(path, id)
    };
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Answers for a handler that takes too long.
pub(super) async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| too_long().into_response())
}

/// It took longer than `api.timeout`.
pub(super) fn too_long() -> Problem {
    Problem::new(Code::Timeout, "it took longer than api.timeout")
}

/// Answers for a handler that panicked; the panic itself is in the log.
#[expect(clippy::needless_pass_by_value, reason = "tower-http gives it so")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    Problem::internal(&text).into_response()
}

fn is_request_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_harmless() {
        assert!(is_request_id("a-B_9.z") && is_request_id(&"x".repeat(128)));
        assert!(!is_request_id("") && !is_request_id("a b") && !is_request_id("<") && !is_request_id(&"x".repeat(129)));
    }
}
