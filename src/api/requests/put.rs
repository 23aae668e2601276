//! `PUT /request`: what somebody outside of the collector did about a provider.

use axum::{
    Json,
    extract::{Request, State},
};
use serde::de::IgnoredAny;

use super::{
    super::{
        Api, body,
        problem::{Code, Problem},
        query::Query,
    },
    request_id,
};
use crate::requests::{RequestsError, Shown, Update};

/// Writes it, unless the provider's part has ended.
pub(crate) async fn put(State(api): State<Api>, query: Query, request: Request) -> Result<Json<Shown>, Problem> {
    let query = query.only(&["id"])?;
    let id = request_id(&query)?;
    let body = body::json(&api, request).await?;
    serde_json::from_slice::<IgnoredAny>(&body)
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    let update = Update::read(&body).map_err(RequestsError::from)?;
    Ok(Json(api.requests().await?.update(&id, update).await?))
}
