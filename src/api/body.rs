//! The bodies of posts, and what is answered to one that made a job.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::de::DeserializeOwned;
use serde_json::{error::Category, json};
use tokio::time::timeout;

use super::{
    Api,
    problem::{Code, Problem},
};
use crate::job::JobId;

/// A body that may be read as JSON, within the limits of size and time.
pub(super) async fn json(api: &Api, request: Request) -> Result<Bytes, Problem> {
    is_json(request.headers())?;
    timeout(api.config.api.timeout.0, Bytes::from_request(request, &()))
        .await
        .map_err(|_| Problem::new(Code::RequestTimeout, "it took longer than api.timeout"))?
        .map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(Code::BodyTooLarge, format!("at most {} (api.max_body)", api.config.api.max_body))
            }
            _ => Problem::new(Code::MalformedJson, "the body broke off"),
        })
}

/// A JSON body of a shape.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Problem::new(Code::InvalidBody, error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => Problem::new(Code::MalformedJson, error.to_string()),
    })
}

/// A new job, and where it can be read.
pub(super) fn accepted(job: JobId) -> Response {
    let location = [(header::LOCATION, format!("/execution/get?job_id={job}"))];
    (StatusCode::ACCEPTED, location, Json(json!({ "job_id": job }))).into_response()
}

/// Whether the body may be read as JSON. `curl -d` calls everything a form, and somebody who sends no type at all
/// sends nothing else here either. But a page in a browser may send those to any address without asking, and only the
/// JSON type makes the browser ask first; so from a browser it must be that.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
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
