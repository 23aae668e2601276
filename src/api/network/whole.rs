//! `GET /network`, `GET /network/gone`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::{Timestamp, fmt::rfc2822};
use serde_json::json;

use super::{Fault, Format, now};
use crate::{
    api::{Api, query::Query},
    network::Network,
};

/// Peers that are listed if it is not said how many.
const GONE: usize = 100;

/// The Network.
pub(crate) async fn network(State(api): State<Api>, query: Query, headers: HeaderMap) -> Result<Response, Fault> {
    let query = query.only(&["prefix", "format"])?;
    let (store, format) = (api.store(&query)?, Format::of(&query)?);
    let (revision, saved_at_ms) = store.revision().await?.ok_or(Fault::NOT_FOUND)?;
    // Ages differ at every moment, so nobody has them already.
    if format == Format::Plain && has_it(&headers, revision) {
        return Ok((StatusCode::NOT_MODIFIED, validators(revision, saved_at_ms)).into_response());
    }
    let stored = store.read().await?;
    if stored.json.is_empty() {
        return Err(Fault::NOT_FOUND);
    }
    if format == Format::Legacy {
        let network: Network = serde_json::from_str(&stored.json).map_err(|error| broken(&error))?;
        return Ok(Json(network.legacy(now())).into_response());
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, validators(stored.revision, stored.saved_at_ms), stored.json).into_response())
}

/// The peers that left last.
pub(crate) async fn gone(State(api): State<Api>, query: Query) -> Result<Response, Fault> {
    let query = query.only(&["prefix", "limit"])?;
    let limit = query.parsed::<usize>("limit")?.unwrap_or(GONE);
    if !(1..=1000).contains(&limit) {
        return Err(Fault::bad_query("limit: expected 1 to 1000"));
    }
    let gone = api.store(&query)?.gone(limit).await?;
    Ok(Json(json!({ "gone": gone })).into_response())
}

/// What tells one revision from another.
fn validators(revision: u64, saved_at_ms: u64) -> [(header::HeaderName, String); 2] {
    [(header::ETAG, format!("\"{revision}\"")), (header::LAST_MODIFIED, date(saved_at_ms))]
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

/// Whether the client has this revision already.
fn has_it(headers: &HeaderMap, revision: u64) -> bool {
    let tag = format!("\"{revision}\"");
    let all = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

fn broken(error: &serde_json::Error) -> Fault {
    tracing::error!(%error, "the network in Redis cannot be read");
    Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_several() {
        for (given, has) in [
            ("\"7\"", true),
            ("W/\"7\"", true),
            ("\"1\", \"7\"", true),
            ("*", true),
            ("7", false),
            ("\"70\"", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, given.parse().unwrap())]);
            assert_eq!(has_it(&headers, 7), has, "{given}");
        }
        assert!(!has_it(&HeaderMap::new(), 7));
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(date(784_111_777_123), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
