//! `GET /openapi.yaml`

use axum::{http::header, response::IntoResponse};

use super::{problem::Problem, query::Query};

/// The contract this room is held to.
pub(super) const DOCUMENT: &str = include_str!("../../openapi.yaml");

/// The contract.
pub(super) async fn openapi(query: Query) -> Result<impl IntoResponse, Problem> {
    query.only(&[])?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], DOCUMENT))
}
