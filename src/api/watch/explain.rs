//! `GET /execution/explain`

use axum::{Json, extract::State};

use crate::{
    api::{Api, get::unknown, problem::Problem, query::Query},
    watch::{self, Explanation},
};

/// Why a job does not run yet.
pub(in crate::api) async fn explain(State(api): State<Api>, query: Query) -> Result<Json<Explanation>, Problem> {
    let id = query.only(&["job_id"])?.job_id()?;
    let job = api.jobs.get(id).await?.ok_or_else(unknown)?;
    let situation = api.watch.situation(&job).await?;
    Ok(Json(watch::explain(&job, &situation)))
}
