//! Asks a provider over HTTP, and keeps what it answers by its type: JSON, text, lines of JSON, a table, or bytes.
//!
//! It is the part of a request (`POST /request`) that asks one provider; run by itself, the answer is its own result.
//!
//! ```json
//! {
//!   "platform_id": "provider_fetch",
//!   "settings": { "provider": "http://127.0.0.1:8950/", "parameters": { "name": "vitalik.eth" } }
//! }
//! ```
use serde_json::{Map, Value};

use crate::{platform::prelude::*, requests};

pub const PLATFORM: Spec = Spec { pool: FETCH, timeout: Some(minutes(2)), attempts: 8, ..Spec::DEFAULT };

/// Statuses after which a provider is not asked again, besides 410: what was asked for is withheld by law.
const FATAL: [u16; 1] = [451];

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Whom to ask: the name of a provider of the configuration, or a URL.
    #[schemars(length(min = 1, max = 500))]
    provider: String,
    /// What it is asked: query parameters.
    #[serde(default)]
    parameters: Map<String, Value>,
    /// The request that this is a part of; set by the collector.
    request: Option<String>,
}

pub async fn _run(job: Context, settings: Settings) -> Result<requests::Fetched> {
    match &settings.request {
        Some(request) => requests::fetch(&job, request, &settings.provider, &FATAL).await,
        None => requests::fetch_once(&job, &settings.provider, &settings.parameters, &FATAL).await,
    }
}
