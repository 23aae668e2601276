//! `GET /crawl/stats`

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Serialize, Serializer};

use super::super::{Api, problem::Problem, query::Query};
use crate::crawl::Stats;

/// Statistics, and of when.
#[derive(Serialize)]
pub(crate) struct Shown {
    network: String,
    as_of: String,
    #[serde(flatten, serialize_with = "inner")]
    stats: Arc<Stats>,
}

/// Adds up a network.
pub(crate) async fn stats(State(api): State<Api>, query: Query) -> Result<Json<Shown>, Problem> {
    let network = api.crawls.network(&query.only(&["network"])?).await?;
    let reading = api.crawls.library.stats(&network.name, &network.store).await?;
    let as_of = format!("{:.3}", reading.as_of);
    Ok(Json(Shown { network: network.name.to_string(), as_of, stats: reading.value }))
}

fn inner<S: Serializer>(stats: &Arc<Stats>, serializer: S) -> Result<S::Ok, S::Error> {
    stats.serialize(serializer)
}
