//! `GET /execution/search` and `GET /failures/get`

use axum::{Json, extract::State};
use serde::Serialize;

use super::{
    Api,
    problem::Problem,
    query::{Query, bad},
};
use crate::job::{Failures, Hit};

/// The longest word, in characters.
const MAX_WORD: usize = 200;

/// What was found.
#[derive(Serialize)]
pub(super) struct Hits {
    hits: Vec<Hit>,
}

/// Looks up what a word may mean.
pub(super) async fn search(State(api): State<Api>, query: Query) -> Result<Json<Hits>, Problem> {
    let query = query.only(&["q"])?;
    let word = query.text("q").map(str::trim).unwrap_or_default();
    if word.is_empty() || word.chars().count() > MAX_WORD || word.chars().any(char::is_control) {
        return Err(bad("q: expected 1 to 200 characters without control characters"));
    }
    Ok(Json(Hits { hits: api.jobs.search(word).await? }))
}

/// Says what fails.
pub(super) async fn failures(State(api): State<Api>, query: Query) -> Result<Json<Failures>, Problem> {
    query.only(&[])?;
    Ok(Json(api.jobs.failures().await?))
}
