//! `POST /execution/run` and `POST /execution/check`

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, header},
    response::Response,
};
use tokio::time::timeout;

use super::{
    Api, body, layers,
    problem::{Code, Problem},
    query::Query,
};
use crate::job::Checked;

/// Submits a task spec.
pub(super) async fn run(State(api): State<Api>, query: Query, request: Request) -> Result<Response, Problem> {
    query.only(&[])?;
    let key = key(request.headers())?;
    let body = body::json(&api, request).await?;
    let submit = api.jobs.submit(&body, key.as_deref());
    let accepted = timeout(api.config.api.timeout.0, submit).await.map_err(|_| layers::too_long())??;
    let mut response = body::accepted(accepted.job_id);
    if accepted.replayed {
        response.headers_mut().insert("idempotent-replayed", header::HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Says what would be stored of a task spec.
pub(super) async fn check(State(api): State<Api>, query: Query, request: Request) -> Result<Json<Checked>, Problem> {
    query.only(&[])?;
    let body = body::json(&api, request).await?;
    Ok(Json(api.jobs.check(&body)?))
}

/// The Idempotency-Key, if there is one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let bad = || Problem::new(Code::BadIdempotencyKey, "expected one key of 1 to 200 visible ASCII characters");
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => key.to_str().map(|key| Some(key.to_owned())).map_err(|_| bad()),
        (Some(_), Some(_)) => Err(bad()),
    }
}
