//! `GET /execution/list`

use axum::{Json, extract::State};

use super::{
    Api,
    problem::Problem,
    query::{Query, bad},
};
use crate::job::{Filter, Page};

/// Jobs a page, unless the client says; and at most.
const LIMITS: (usize, usize) = (50, 200);

/// Lists jobs.
pub(super) async fn list(State(api): State<Api>, query: Query) -> Result<Json<Page>, Problem> {
    let query = query.only(&["status", "platform", "limit", "cursor"])?;
    let limit = query.parsed("limit")?.unwrap_or(LIMITS.0);
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(bad(format!("limit: expected 1 to {}", LIMITS.1)));
    }
    let platform = query.text("platform").map(str::to_owned);
    let is_id = |id: &String| {
        id.len() <= 40
            && id.starts_with(|first: char| first.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if platform.as_ref().is_some_and(|id| !is_id(id)) {
        return Err(bad("platform: expected the id of a platform"));
    }
    let filter = Filter { status: query.parsed("status")?, platform };
    Ok(Json(api.jobs.list(&filter, limit, query.text("cursor")).await?))
}
