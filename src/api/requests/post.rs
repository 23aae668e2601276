//! `POST /request` and `POST /request/redeliver`

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::timeout;

use super::{
    super::{
        Api, body, layers,
        problem::{Code, Problem},
        query::{Query, bad},
        run,
    },
    request_id,
};
use crate::requests::RequestId;

/// Accepts a request.
pub(crate) async fn accept(State(api): State<Api>, query: Query, request: Request) -> Result<Response, Problem> {
    let query = query.only(&["id"])?;
    let (given, key) = (query.parsed::<RequestId>("id")?, run::key(request.headers())?);
    let body = body::json(&api, request).await?;
    serde_json::from_slice::<IgnoredAny>(&body)
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    let requests = api.requests().await?;
    let id = match (given, key) {
        (Some(_), Some(_)) => return Err(bad("either id or an Idempotency-Key, not both")),
        (Some(id), None) => Some(id),
        (None, Some(key)) => Some(requests.id_of_key(&key)),
        (None, None) => None,
    };
    let accepted =
        timeout(api.config.api.timeout.0, requests.accept(id, &body)).await.map_err(|_| layers::too_long())??;
    let mut response = told(&accepted.id);
    if accepted.replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Has a callback delivered once more.
pub(crate) async fn redeliver(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    let query = query.only(&["id"])?;
    let id = request_id(&query)?;
    api.requests().await?.redeliver(&id).await?;
    Ok(told(&id))
}

/// The request, and where it can be read.
fn told(id: &RequestId) -> Response {
    let location = [(header::LOCATION, format!("/request?id={id}"))];
    (StatusCode::ACCEPTED, location, Json(json!({ "requestId": id }))).into_response()
}
