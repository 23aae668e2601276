//! `POST /execution/cancel` and `POST /execution/retry`

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::time::timeout;

use super::{Api, body, layers, problem::Problem, query::Query};
use crate::job::Status;

/// Cancels a job: 200 if it is cancelled, 202 while its run is being stopped.
pub(super) async fn cancel(State(api): State<Api>, query: Query, headers: HeaderMap) -> Result<Response, Problem> {
    let id = query.only(&["job_id"])?.job_id()?;
    // No body is read, but a page in a browser must not get here without being asked.
    body::is_json(&headers)?;
    let status = api.jobs.cancel(id).await?;
    let code = if status == Status::Cancelled { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((code, Json(json!({ "job_id": id, "status": status }))).into_response())
}

/// Runs a job again, as a new one.
pub(super) async fn retry(State(api): State<Api>, query: Query, request: Request) -> Result<Response, Problem> {
    let id = query.only(&["job_id"])?.job_id()?;
    let edits = body::json(&api, request).await?;
    let retry = api.jobs.retry(id, &edits);
    let accepted = timeout(api.config.api.timeout.0, retry).await.map_err(|_| layers::too_long())??;
    Ok(body::accepted(accepted.job_id))
}
