//! `GET /providers/get`

use axum::{Json, extract::State};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use super::super::{Api, problem::Problem, query::Query};
use crate::{
    config,
    outbound::{Endpoint, Reputation},
};

/// Providers asked about at once.
const AT_ONCE: usize = 32;

/// All of them.
#[derive(Serialize)]
pub(crate) struct Providers {
    providers: Vec<Provider>,
}

/// One provider.
#[derive(Serialize)]
struct Provider {
    name: String,
    url: String,
    #[serde(flatten)]
    reputation: Reputation,
}

/// Lists the providers of the configuration, and how they fare.
pub(crate) async fn providers(State(api): State<Api>, query: Query) -> Result<Json<Providers>, Problem> {
    query.only(&[])?;
    let queue = api.jobs.queue();
    let gate = &api.http.gate(queue.broker().clone(), api.config.queue.shards);
    let show = |(name, provider): (&String, &config::Provider)| {
        let (name, mut url) = (name.clone(), provider.url.clone());
        async move {
            let reputation = gate.look(&Endpoint::of(&url)).await?;
            config::hide(&mut url);
            Ok::<_, Problem>(Provider { name, url: url.into(), reputation })
        }
    };
    let providers = stream::iter(&api.config.providers).map(show).buffered(AT_ONCE).try_collect().await?;
    Ok(Json(Providers { providers }))
}
