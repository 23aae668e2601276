//! Dates as people write them, resolved once: a phrase is read when the job is accepted, and a retry keeps the value.

use std::fmt;

use jiff::{Span, Timestamp, Zoned, civil, fmt::temporal::Pieces, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Moment;

/// The `format` that marks a date in a schema.
pub(super) const FORMAT: &str = "date-phrase";

/// What is said about anything that cannot be read.
const HELP: &str = "is not a date; write 2026-11-20, 2026-11-20T08:00:00Z, now, today, yesterday, tomorrow, \
                    \"4 days back\", \"2 weeks ago\" or \"in 3 days\"";

/// A date setting. People write ISO 8601 or a phrase like `yesterday` or `4 days back`; a platform reads the value.
///
/// Phrases in whole days mean the start of that day in the task spec's time zone; `now`, hours and minutes are exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Date {
    phrase: String,
    /// In a fixed offset, so that reading it back needs no time zone database.
    value: Zoned,
}

impl Date {
    /// For a serde default: `fn yesterday() -> Date { Date::phrase("yesterday") }`. The schema shows the phrase, and
    /// acceptance resolves it anew for every job; the registry refuses a phrase that cannot be read.
    pub fn phrase(phrase: &str) -> Self {
        let at = Moment { now: Timestamp::now().to_zoned(TimeZone::UTC) };
        Self::read(phrase, &at).unwrap_or_else(|_| Self { phrase: phrase.into(), value: at.now })
    }

    /// Reads what someone wrote, as seen from `at`; the error is a sentence for them.
    pub fn read(phrase: &str, at: &Moment) -> Result<Self, String> {
        let text = phrase.trim();
        let value = iso(text, at.now.time_zone()).or_else(|| relative(text, &at.now)).ok_or(HELP)?;
        let value = value.timestamp().to_zoned(value.offset().to_time_zone());
        Ok(Self { phrase: phrase.into(), value })
    }

    /// The moment, with the offset that held there.
    pub fn zoned(&self) -> &Zoned {
        &self.value
    }

    /// The moment.
    pub fn timestamp(&self) -> Timestamp {
        self.value.timestamp()
    }

    /// The day in the task spec's time zone.
    pub fn date(&self) -> civil::Date {
        self.value.date()
    }
}

/// A date, a date-time in `zone`, or a date-time with an offset of its own.
fn iso(text: &str, zone: &TimeZone) -> Option<Zoned> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.to_zoned(zone.clone()));
    }
    text.parse::<civil::DateTime>().ok()?.to_zoned(zone.clone()).ok()
}

fn relative(text: &str, now: &Zoned) -> Option<Zoned> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let (sign, amount, unit) = match *words.as_slice() {
        ["now"] => return Some(now.clone()),
        ["today"] => (1, "0", "day"),
        ["yesterday"] => (-1, "1", "day"),
        ["tomorrow"] => (1, "1", "day"),
        [amount, unit, "back" | "ago"] => (-1, amount, unit),
        ["in", amount, unit] => (1, amount, unit),
        _ => return None,
    };
    let amount = sign * i64::from(amount.parse::<u32>().ok()?);
    let span = Span::new();
    let (span, whole_days) = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => (span.try_minutes(amount), false),
        "hour" => (span.try_hours(amount), false),
        "day" => (span.try_days(amount), true),
        "week" => (span.try_weeks(amount), true),
        "month" => (span.try_months(amount), true),
        _ => return None,
    };
    let moment = now.checked_add(span.ok()?).ok()?;
    if whole_days { moment.start_of_day().ok() } else { Some(moment) }
}

/// RFC 3339, with the offset.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.timestamp().display_with_offset(self.value.offset()).fmt(f)
    }
}

/// As it is kept on the job.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    phrase: String,
    value: String,
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored { phrase: self.phrase.clone(), value: self.to_string() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Stored(Stored),
            Bare(String),
        }
        let (phrase, text) = match Form::deserialize(deserializer)? {
            Form::Stored(stored) => (stored.phrase, stored.value),
            Form::Bare(text) => (text.clone(), text),
        };
        // The offset is part of the value: it says which day it was for whoever wrote it.
        let offset = Pieces::parse(text.as_str()).ok().and_then(|pieces| pieces.to_numeric_offset());
        let zone = offset.map_or(TimeZone::UTC, jiff::tz::Offset::to_time_zone);
        let value = iso(&text, &zone).ok_or_else(|| de::Error::custom(HELP))?;
        Ok(Self { phrase, value })
    }
}

impl JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "minLength": 1,
            "maxLength": 64,
            "description": "A date: ISO 8601, or a phrase; read once, when the job is accepted, in options.time_zone.",
            "examples": ["2026-11-20", "2026-11-20T08:00:00Z", "yesterday", "4 days back", "2 weeks ago", "in 3 days"],
        })
    }
}
