//! `GET /execution/log`

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};

use crate::api::{
    Api,
    get::unknown,
    problem::Problem,
    query::{Query, bad},
};

/// Lines a page, unless the client says; and at most.
const LIMITS: (usize, usize) = (200, 1000);

/// A page of a job's log.
pub(in crate::api) async fn log(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    let query = query.only(&["job_id", "limit", "before"])?;
    let id = query.job_id()?;
    let limit = query.parsed("limit")?.unwrap_or(LIMITS.0);
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(bad(format!("limit: expected 1 to {}", LIMITS.1)));
    }
    let before: Option<u64> = query.parsed("before")?;
    if before.is_some_and(|before| !(1..1 << 53).contains(&before)) {
        return Err(bad("before: expected the number of a line"));
    }
    let page = api.watch.log(id, limit, before).await?.ok_or_else(unknown)?;
    let (first, total, kept) = (page.first, page.total, page.kept);
    // The lines are JSON since they were written.
    let (lines, truncated) = (page.lines.join(","), kept < total);
    let text = format!(
        "{{\"lines\":[{lines}],\"first\":{first},\"total\":{total},\"kept\":{kept},\"truncated\":{truncated}}}"
    );
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
