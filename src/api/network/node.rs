//! `GET /node`, `GET /node/{id}`

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};

use super::{Fault, Format, now};
use crate::{
    api::{Api, query::Query},
    network::is_id,
};

/// Ids of the nodes of which something holds.
pub(crate) async fn nodes(State(api): State<Api>, query: Query) -> Result<Json<Vec<String>>, Fault> {
    let store = api.store(&query.only(&["prefix"])?)?;
    let now = jiff::Timestamp::now().as_millisecond();
    Ok(Json(store.node_ids(u64::try_from(now).unwrap_or(0)).await?))
}

/// What a node said.
pub(crate) async fn node(State(api): State<Api>, Path(id): Path<String>, query: Query) -> Result<Response, Fault> {
    let query = query.only(&["prefix", "format"])?;
    let (store, format) = (api.store(&query)?, Format::of(&query)?);
    if !is_id(&id) {
        return Err(Fault::NOT_FOUND);
    }
    let node = store.node(&id).await?.ok_or(Fault::NOT_FOUND)?;
    Ok(match format {
        Format::Plain => Json(node).into_response(),
        Format::Legacy => Json(node.legacy(now())).into_response(),
    })
}
