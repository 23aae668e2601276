//! `POST /execution/run`

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::time::timeout;

use super::{
    Api, layers,
    problem::{Code, Problem},
    query::Query,
};

/// Submits a task spec.
pub(super) async fn run(State(api): State<Api>, query: Query, request: Request) -> Result<Response, Problem> {
    query.only(&[])?;
    let key = key(request.headers())?;
    is_json(request.headers())?;
    let limit = api.config.api.timeout.0;
    let body = timeout(limit, Bytes::from_request(request, &()))
        .await
        .map_err(|_| Problem::new(Code::RequestTimeout, "it took longer than api.timeout"))?
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(Code::BodyTooLarge, format!("at most {} (api.max_body)", api.config.api.max_body))
            }
            _ => Problem::new(Code::MalformedJson, "the body broke off"),
        })?;
    let submit = api.jobs.submit(&body, key.as_deref());
    let accepted = timeout(limit, submit).await.map_err(|_| layers::too_long())??;
    let location = [(header::LOCATION, format!("/execution/get?job_id={}", accepted.job_id))];
    let replayed = accepted.replayed.then_some([("idempotent-replayed", "true")]);
    let body = Json(json!({ "job_id": accepted.job_id }));
    let mut response = (StatusCode::ACCEPTED, location, body).into_response();
    for (name, value) in replayed.into_iter().flatten() {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    Ok(response)
}

/// The Idempotency-Key, if there is one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let bad = || Problem::new(Code::BadIdempotencyKey, "expected one key of 1 to 200 visible ASCII characters");
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => key.to_str().map(|key| Some(key.to_owned())).map_err(|_| bad()),
        (Some(_), Some(_)) => Err(bad()),
    }
}

/// Whether the body may be read as JSON. `curl -d` calls everything a form, and somebody who sends no type at all
/// sends nothing else here either. But a page in a browser may send those to any address without asking, and only the
/// JSON type makes the browser ask first; so from a browser it must be that.
fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    let refuse = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    if kind(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return refuse("an encoded body is not read; send it as it is");
    }
    let full = kind(header::CONTENT_TYPE);
    let is_browser = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    match full.as_deref().map(|full| full.split(';').next().unwrap_or_default().trim()) {
        Some("application/json") => Ok(()),
        Some("application/x-www-form-urlencoded") | None if !is_browser => Ok(()),
        _ => refuse("expected Content-Type: application/json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_are_json() {
        for (kind, fits) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/x-www-form-urlencoded", true),
            ("text/xml", false),
            ("multipart/form-data; boundary=x", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
            assert_eq!(is_json(&headers).is_ok(), fits, "{kind}");
        }
        assert!(is_json(&HeaderMap::new()).is_ok());
        for (kind, fits) in [("application/json", true), ("application/x-www-form-urlencoded", false)] {
            let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
            headers.insert(header::ORIGIN, "https://elsewhere.example".parse().unwrap());
            assert_eq!(is_json(&headers).is_ok(), fits, "{kind} from a page");
        }
        let page = HeaderMap::from_iter([("sec-fetch-site".parse().unwrap(), "cross-site".parse().unwrap())]);
        assert!(is_json(&page).is_err(), "a page sends no type");
        let gzip = HeaderMap::from_iter([(header::CONTENT_ENCODING, "gzip".parse().unwrap())]);
        assert!(is_json(&gzip).is_err());
    }
}
