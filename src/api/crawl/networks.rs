//! `GET /crawl/networks`

use axum::{Json, extract::State};
use serde::Serialize;

use super::super::{Api, problem::Problem, query::Query};
use crate::crawl::{Store, Time};

/// All of them.
#[derive(Serialize)]
pub(crate) struct Networks {
    networks: Vec<Shown>,
}

/// One network.
#[derive(Serialize)]
struct Shown {
    name: String,
    epoch: u64,
    began_at: Time,
    started_at: Time,
    nodes: u64,
    candidates: u64,
    members: u64,
}

/// Lists the networks.
pub(crate) async fn networks(State(api): State<Api>, query: Query) -> Result<Json<Networks>, Problem> {
    query.only(&[])?;
    let mut networks = Vec::new();
    for (name, store) in api.crawls.directory.list().await? {
        networks.push(shown(name.to_string(), &store).await?);
    }
    Ok(Json(Networks { networks }))
}

async fn shown(name: String, store: &Store) -> Result<Shown, Problem> {
    let about = store.about().await?;
    let number = |name: &str| about.get(name).and_then(|number| number.parse().ok()).unwrap_or(0);
    Ok(Shown {
        name,
        epoch: number("epoch"),
        began_at: Time(number("began_at")),
        started_at: Time(number("started_at")),
        nodes: store.count("nodes").await?,
        candidates: store.count("candidates").await?,
        members: store.members().await?,
    })
}
