//! `GET /execution/list`

use axum::{Json, extract::State};
use serde::Serialize;

use super::{
    Api,
    problem::Problem,
    query::{Known, Query, bad},
};
use crate::job::{Filter, FilterError, Page, Total};

/// Jobs a page, unless the client says; and at most.
const LIMITS: (usize, usize) = (50, 200);

/// The parameters: first the filters.
const PARAMETERS: [&str; 13] = [
    "status",
    "platform",
    "pool",
    "label",
    "_id",
    "error",
    "created_from",
    "created_to",
    "finished_from",
    "finished_to",
    "limit",
    "cursor",
    "total",
];

/// A page, and how many jobs there are on all of them, if that was asked for.
#[derive(Serialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    page: Page,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Total>,
}

/// Lists jobs.
pub(super) async fn list(State(api): State<Api>, query: Query) -> Result<Json<Answer>, Problem> {
    let query = query.only(&PARAMETERS)?;
    let limit = query.parsed("limit")?.unwrap_or(LIMITS.0);
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(bad(format!("limit: expected 1 to {}", LIMITS.1)));
    }
    let (filter, total) = (filter(&query)?, query.flag("total")?);
    let page = api.jobs.list(&filter, limit, query.text("cursor")).await?;
    let total = if total { Some(api.jobs.total(&filter).await?) } else { None };
    Ok(Json(Answer { page, total }))
}

fn filter(query: &Known) -> Result<Filter, Problem> {
    let text = |name| query.text(name).map(str::to_owned);
    let filter = Filter {
        status: query.parsed("status")?,
        platform: text("platform"),
        pool: text("pool"),
        label: text("label"),
        client_id: text("_id"),
        error: text("error"),
        created_from: query.parsed("created_from")?,
        created_to: query.parsed("created_to")?,
        finished_from: query.parsed("finished_from")?,
        finished_to: query.parsed("finished_to")?,
        before: None,
    };
    filter.check()?;
    Ok(filter)
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        bad(error.to_string())
    }
}
