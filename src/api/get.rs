//! `GET /execution/get`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};

use super::{
    Api,
    problem::{Code, Problem},
    query::Query,
};

/// Reads a job.
pub(super) async fn get(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    let query = query.only(&["job_id", "full"])?;
    let (id, full) = (query.job_id()?, query.flag("full")?);
    let answer = if full {
        api.jobs.get_full(id).await?.map(|job| Json(job).into_response())
    } else {
        api.jobs.get(id).await?.map(|job| Json(job).into_response())
    };
    answer.ok_or_else(unknown)
}

/// There is no such job.
pub(super) fn unknown() -> Problem {
    Problem::new(Code::UnknownJob, "it never was, or it was deleted when its time was over")
}
