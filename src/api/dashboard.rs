//! `GET /`, `GET /ui…`: the dashboard of `web/`, which is built into a release binary (`make web`, then `make build`).
//!
//! A debug build reads `web/dist` from where its sources lie instead, so that it shows the newest without being built
//! again. Every page is the same document: which one to show, and with which filters, its script reads from the address.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::{Code, Problem};

/// What Vite has built; nothing, if nobody has asked it to.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Built;

/// Stands in for a dashboard that was not built.
const NOT_BUILT: &str = include_str!("dashboard.html");

/// Scripts, styles, pictures and data come from here and nowhere else; no text can become a script; nobody may frame it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

/// Of what has its content in its name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Asked for again every time; what has not changed is answered 304.
const ASK_AGAIN: &str = "no-cache";

/// The dashboard's address.
pub(super) async fn root() -> Redirect {
    Redirect::temporary("/ui/")
}

/// Every page of the dashboard.
pub(super) async fn page(headers: HeaderMap) -> Response {
    match Built::get("index.html") {
        Some(file) if is_known(&headers, &tag(&file)) => guarded(not_modified(&file)),
        Some(file) => guarded(([(header::ETAG, tag(&file))], typed("index.html", ASK_AGAIN, file)).into_response()),
        None => guarded(([(header::CONTENT_TYPE, kind("index.html"))], NOT_BUILT).into_response()),
    }
}

/// A script, a style or a picture.
pub(super) async fn asset(uri: Uri) -> Result<Response, Problem> {
    let name = uri.path().trim_start_matches("/ui/");
    let file = Built::get(name);
    let file = file.ok_or_else(|| Problem::new(Code::NotFound, "the dashboard has no such file; reload its page"))?;
    Ok(guarded(typed(name, FOR_EVER, file)))
}

fn typed(name: &str, keep: &'static str, file: EmbeddedFile) -> Response {
    ([(header::CONTENT_TYPE, kind(name)), (header::CACHE_CONTROL, keep)], Body::from(file.data)).into_response()
}

fn not_modified(file: &EmbeddedFile) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, tag(file)), (header::CACHE_CONTROL, ASK_AGAIN.to_owned())])
        .into_response()
}

/// What keeps everything that a page shows from doing anything.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Weak: the same page may be compressed or not.
fn tag(file: &EmbeddedFile) -> String {
    format!(
        "W/\"{:016x}\"",
        file.metadata.sha256_hash().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    )
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|one| matches!(one.trim(), "*") || one.trim() == tag)
}

/// The types of what Vite makes of `web/`.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_the_client_has_is_known() {
        for (given, known) in
            [("W/\"a1\"", true), ("\"x\", W/\"a1\"", true), ("*", true), ("\"a1\"", false), ("", false)]
        {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, given.parse().unwrap())]);
            assert_eq!(is_known(&headers, "W/\"a1\""), known, "{given}");
        }
        assert!(!is_known(&HeaderMap::new(), "W/\"a1\""));
    }

    #[test]
    fn types_are_told_by_the_ending() {
        assert_eq!(kind("page-C0ffee.js"), "text/javascript; charset=utf-8");
        assert_eq!(kind("js"), "application/octet-stream");
    }
}
