//! A whole answer.

use std::time::Duration;

use bytes::Bytes;
use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{
    StatusCode,
    header::{self, HeaderMap, HeaderName},
};
use serde::de::DeserializeOwned;
use url::Url;

/// The longest wait that another host may ask for.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// Who answered: the last URL, if there were redirects.
    pub url: Url,
    /// Its headers; at most 100, and 400 kB.
    pub headers: HeaderMap,
    /// When to come back, if it says so; at most [`LONGEST_RETRY_AFTER`].
    pub retry_after: Option<Duration>,
    /// The body, unpacked.
    pub body: Bytes,
    /// From the call to the last byte, redirects included.
    pub elapsed: Duration,
}

/// What a status asks of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Done,
    /// 3xx that was not followed.
    Redirect,
    /// 429, or 503 with a `Retry-After`: come back later; nothing has failed.
    Busy {
        /// After this, if it says so.
        retry_after: Option<Duration>,
    },
    /// 408, 425, other 5xx: it may work later.
    Unwell,
    /// 410: it will never work again.
    Gone,
    /// Any other 4xx, and what is no final status.
    Rejected,
}

impl Response {
    /// What the status asks for.
    pub fn outcome(&self) -> Outcome {
        outcome(self.status, self.retry_after)
    }

    /// The type of the body without parameters, in lower case: `application/json`.
    pub fn content_type(&self) -> Option<String> {
        let value = self.text(header::CONTENT_TYPE)?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// A header that is text.
    pub fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, whatever type it says it is.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

fn outcome(status: StatusCode, retry_after: Option<Duration>) -> Outcome {
    match (status.as_u16(), retry_after) {
        (200..=299, _) => Outcome::Done,
        (300..=399, _) => Outcome::Redirect,
        (429, _) | (503, Some(_)) => Outcome::Busy { retry_after },
        (408 | 425 | 500..=599, _) => Outcome::Unwell,
        (410, _) => Outcome::Gone,
        _ => Outcome::Rejected,
    }
}

/// `Retry-After`: seconds, or a date, which counts from the answer's own `Date` if it has one, for clocks differ.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a long time.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let said = headers.get(header::DATE).and_then(|date| self::date(date.to_str().ok()?));
        let wait = date(text)?.duration_since(said.unwrap_or(now));
        Duration::try_from(wait).unwrap_or_default()
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_an_outcome() {
        let told = Some(Duration::from_secs(7));
        for (statuses, retry_after, expected) in [
            (&[200, 201, 204, 299][..], None, Outcome::Done),
            (&[300, 301, 302, 304, 308], None, Outcome::Redirect),
            (&[429], None, Outcome::Busy { retry_after: None }),
            (&[429, 503], told, Outcome::Busy { retry_after: told }),
            (&[408, 425, 500, 502, 503, 504, 599], None, Outcome::Unwell),
            (&[500], told, Outcome::Unwell),
            (&[410], None, Outcome::Gone),
            (&[100, 400, 401, 403, 404, 409, 422, 451, 600, 999], None, Outcome::Rejected),
        ] {
            for status in statuses {
                let status = StatusCode::from_u16(*status).unwrap();
                assert_eq!(outcome(status, retry_after), expected, "{status}");
            }
        }
    }

    #[test]
    fn retry_after_is_read_and_clamped() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        for (text, date, expected) in [
            ("0", None, Some(0)),
            (" 120 ", None, Some(120)),
            ("3600", None, Some(3600)),
            ("3601", None, Some(3600)),
            ("99999999999999999999999999", None, Some(3600)),
            ("-1", None, None),
            ("1.5", None, None),
            ("+5", None, None),
            ("", None, None),
            ("soon", None, None),
            ("Sun, 01 Mar 2026 10:00:30 GMT", None, Some(30)),
            ("Sun, 01 Mar 2026 09:00:00 GMT", None, Some(0)),
            ("Sun, 01 Mar 2099 10:00:00 GMT", None, Some(3600)),
            // Its clock is ten minutes ahead, which does not make the wait longer.
            ("Sun, 01 Mar 2026 10:10:30 GMT", Some("Sun, 01 Mar 2026 10:10:00 GMT"), Some(30)),
            ("Sun, 01 Mar 2026 10:00:30 GMT", Some("yesterday"), Some(30)),
            ("Sun, 99 Mar 2026 10:00:30 GMT", None, None),
        ] {
            let mut headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            headers.extend(date.map(|date| (header::DATE, date.parse().unwrap())));
            assert_eq!(retry_after(&headers, now).map(|wait| wait.as_secs()), expected, "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
