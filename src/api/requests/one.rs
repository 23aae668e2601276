//! `GET /request`

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};

use super::{
    super::{
        Api,
        problem::Problem,
        query::{Query, bad},
    },
    request_id,
};
use crate::config::Span;

/// The longest that an answer waits for a request to be decided.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Reads a request, or what one provider answered.
pub(crate) async fn get(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    let query = query.only(&["id", "wait", "provider"])?;
    let (id, wait) = (request_id(&query)?, query.parsed::<Span>("wait")?);
    let requests = api.requests().await?;
    if let Some(provider) = query.text("provider") {
        if wait.is_some() {
            return Err(bad("wait: it belongs to a whole request"));
        }
        return Ok(Json(requests.result(&id, provider).await?).into_response());
    }
    let wait = wait.map_or(Duration::ZERO, |wait| wait.0);
    if wait > LONGEST_WAIT {
        return Err(bad("wait: expected at most 60s"));
    }
    // Whoever stops must not wait for those who wait.
    tokio::select! {
        shown = requests.get(&id, wait) => Ok(Json(shown?).into_response()),
        () = api.stop.cancelled() => Ok(Json(requests.get(&id, Duration::ZERO).await?).into_response()),
    }
}
