//! `GET /execution/hash`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    api::{Api, get::unknown, problem::Problem, query::Query},
    queue::keys,
};

/// A job as it stands in Redis, secrets masked.
pub(in crate::api) async fn hash(State(api): State<Api>, query: Query) -> Result<Json<Value>, Problem> {
    let id = query.only(&["job_id"])?.job_id()?;
    let fields = api.jobs.shown_hash(id).await?.ok_or_else(unknown)?;
    Ok(Json(json!({ "job_id": id, "key": keys::job(id), "fields": fields })))
}
