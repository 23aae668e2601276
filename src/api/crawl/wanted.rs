//! The filters of a query.

use ipnet::IpNet;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::super::{
    problem::Problem,
    query::{Known, bad},
};
use crate::crawl::Filter;

/// Parameters that narrow down.
pub(super) const NAMES: [&str; 5] = ["fork", "client", "subnet", "freshness_min", "seen_since"];

/// The longest text of one of them.
const MAX_TEXT: usize = 80;

/// Reads them.
pub(super) fn filter(query: &Known) -> Result<Filter, Problem> {
    for name in NAMES {
        if query.text(name).is_some_and(|text| text.is_empty() || text.len() > MAX_TEXT) {
            return Err(bad(format!("{name}: expected 1 to {MAX_TEXT} bytes")));
        }
    }
    let is_fork = |fork: &&str| {
        let hex = fork.strip_prefix("eth2/").or_else(|| fork.strip_prefix("eth/")).unwrap_or(fork);
        hex.len() == 8 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let fork = query.text("fork");
    if fork.is_some_and(|fork| !is_fork(&fork)) {
        return Err(bad("fork: expected eth2/ or eth/ and 8 hexadecimal digits, or the digits alone, in lower case"));
    }
    let subnet: Option<IpNet> = query
        .text("subnet")
        .map(|text| text.parse().map_err(|_| bad("subnet: expected a network like 192.0.2.0/24 or 2001:db8::/32")))
        .transpose()?;
    let seen_since = query.text("seen_since").map(|text| since(text, Timestamp::now())).transpose()?;
    Ok(Filter {
        fork: fork.map(str::to_owned),
        client: query.text("client").map(str::to_owned),
        subnet,
        freshness_min: query.parsed("freshness_min")?.unwrap_or(0),
        seen_since: seen_since.unwrap_or(0),
    })
}

/// A time (RFC 3339), or how long ago (ISO 8601, days of 24 hours): ms since 1970.
fn since(text: &str, now: Timestamp) -> Result<u64, Problem> {
    let wrong = || bad("seen_since: expected a time like 2026-01-31T08:00:00Z or how long ago, like PT1H");
    let time = if let Ok(time) = text.parse::<Timestamp>() {
        time
    } else {
        let ago = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        let ago = ago.ok().filter(|ago| *ago >= SignedDuration::ZERO).ok_or_else(wrong)?;
        now.checked_sub(ago).map_err(|_| wrong())?
    };
    Ok(u64::try_from(time.as_millisecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_time_or_how_long_ago() {
        let now: Timestamp = "2026-01-31T08:00:00Z".parse().unwrap();
        let ms = |text: &str| u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap();
        for (text, wanted) in [
            ("2026-01-30T08:00:00Z", "2026-01-30T08:00:00Z"),
            ("2026-01-30T09:00:00.5+01:00", "2026-01-30T08:00:00.5Z"),
            ("PT1H", "2026-01-31T07:00:00Z"),
            ("P1D", "2026-01-30T08:00:00Z"),
            ("P1DT30M", "2026-01-30T07:30:00Z"),
            ("PT0S", "2026-01-31T08:00:00Z"),
        ] {
            assert_eq!(since(text, now).ok(), Some(ms(wanted)), "{text}");
        }
        assert_eq!(since("1900-01-01T00:00:00Z", now).ok(), Some(0));
        for text in ["", "yesterday", "-PT1H", "P1M", "P99999Y", "2026-01-30", "2026-13-30T08:00:00Z", "12"] {
            assert!(since(text, now).is_err(), "{text}");
        }
    }
}
