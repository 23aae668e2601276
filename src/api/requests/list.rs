//! `GET /request/list`

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::Serialize;

use super::super::{
    Api,
    problem::{Code, Problem},
    query::{Query, bad},
};
use crate::requests::{At, Listed, Place};

/// Requests a page, unless the client says; and at most.
const LIMITS: (usize, usize) = (50, 200);

/// A page.
#[derive(Serialize)]
pub(crate) struct Requests {
    requests: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Lists requests, the newest first.
pub(crate) async fn list(State(api): State<Api>, query: Query) -> Result<Json<Requests>, Problem> {
    let query = query.only(&["limit", "cursor"])?;
    let limit = query.parsed("limit")?.unwrap_or(LIMITS.0);
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(bad(format!("limit: expected 1 to {}", LIMITS.1)));
    }
    let foreign = || Problem::new(Code::BadCursor, "this is no cursor that a list gave");
    let after = query.text("cursor").map(|text| read(text).ok_or_else(foreign)).transpose()?;
    let page = api.requests().await?.list(after.as_ref(), limit).await?;
    Ok(Json(Requests { requests: page.requests, cursor: page.next.as_ref().map(write) }))
}

fn write(place: &Place) -> String {
    BASE64.encode(format!("{}.{}", place.created_at.0, place.id))
}

fn read(text: &str) -> Option<Place> {
    let text = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    let (at, id) = text.split_once('.')?;
    Some(Place { created_at: At(at.parse().ok()?), id: id.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_text() {
        let place = Place { created_at: At(1_763_679_600_000), id: "order-7".parse().unwrap() };
        assert_eq!(read(&write(&place)), Some(place));
        for text in ["", "x", "%%%", &BASE64.encode("1"), &BASE64.encode("1.a.b"), &BASE64.encode("-1.a")] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
