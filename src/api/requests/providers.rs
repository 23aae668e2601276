//! `GET /providers/get`

use axum::{Json, extract::State};
use serde::Serialize;

use super::super::{Api, problem::Problem, query::Query};

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
}

/// Lists the providers of the configuration.
pub(crate) async fn providers(State(api): State<Api>, query: Query) -> Result<Json<Providers>, Problem> {
    query.only(&[])?;
    let shown = |(name, provider): (&String, &crate::config::Provider)| {
        let mut url = provider.url.clone();
        // It may hold a token.
        url.set_query(None);
        Provider { name: name.clone(), url: url.into() }
    };
    Ok(Json(Providers { providers: api.config.providers.iter().map(shown).collect() }))
}
