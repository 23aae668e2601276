//! What one column of one row holds, and how large it may be.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use super::{Column, Kind};

/// Bytes of a text or of a JSON value.
pub const MAX_TEXT: usize = 1024 * 1024;

/// Bytes of a text in a key: four of them still fit an index of PostgreSQL (2,704 bytes).
pub const MAX_KEY_TEXT: usize = 600;

/// A value. `Null` fits every column that is not in the key.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// For [`Kind::Text`].
    Text(String),
    /// For [`Kind::Integer`].
    Integer(i64),
    /// For [`Kind::Real`].
    Real(f64),
    /// For [`Kind::Boolean`].
    Boolean(bool),
    /// For [`Kind::Time`]; what is below a millisecond is cut off.
    Time(Timestamp),
    /// For [`Kind::Json`].
    Json(Value),
}

impl Cell {
    /// Text that a stranger chose: a NUL, which PostgreSQL does not take, becomes U+FFFD, and what is over
    /// [`MAX_TEXT`] is cut off, so that nobody can keep his row from being written.
    pub fn foreign(text: &str) -> Self {
        let mut text = text.replace('\0', "\u{FFFD}");
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        Self::Text(text)
    }

    /// Whether it can be written there; if not, why.
    pub(super) fn fits(&self, column: &Column, in_key: bool) -> Result<(), String> {
        let kind = match self {
            Self::Null if in_key => return Err("is part of the key, and null".into()),
            Self::Null => return Ok(()),
            Self::Text(_) => Kind::Text,
            Self::Integer(_) => Kind::Integer,
            Self::Real(_) => Kind::Real,
            Self::Boolean(_) => Kind::Boolean,
            Self::Time(_) => Kind::Time,
            Self::Json(_) => Kind::Json,
        };
        if kind != column.kind {
            return Err(format!("takes {:?}, not {kind:?}", column.kind));
        }
        match self {
            Self::Text(text) if text.contains('\0') => Err("has a NUL in it".into()),
            Self::Json(value) if has_nul(value) => Err("has a NUL in it".into()),
            Self::Real(real) if !real.is_finite() => Err("is not a finite number".into()),
            // The databases write years before the first differently.
            Self::Time(time) if *time < FIRST => Err("is before the year 1".into()),
            _ => {
                let (bytes, most) = (self.size(), if in_key { MAX_KEY_TEXT } else { MAX_TEXT });
                if bytes > most { Err(format!("has {bytes} bytes, {most} are allowed")) } else { Ok(()) }
            }
        }
    }

    /// Bytes, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(value) => value.to_string().len(),
            _ => 8,
        }
    }

    /// What is written as text.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Time(time) => {
                let time = Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(*time);
                Some(Cow::Owned(format!("{time:.3}")))
            }
            Self::Json(value) => Some(Cow::Owned(value.to_string())),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Boolean(_) => None,
        }
    }
}

/// 0001-01-01T00:00:00Z.
const FIRST: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// PostgreSQL has no NUL in its strings, those in JSON included.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for Cell {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_database_takes_is_refused() {
        let long = "x".repeat(MAX_KEY_TEXT + 1);
        let too_long = "x".repeat(MAX_TEXT + 1);
        let early: Timestamp = "0000-12-31T23:59:59Z".parse().unwrap();
        let table = [
            (Cell::from("a"), Kind::Text, true, None),
            (Cell::from(long.as_str()), Kind::Text, false, None),
            (Cell::from(long), Kind::Text, true, Some("601 bytes")),
            (Cell::from(too_long.as_str()), Kind::Text, false, Some("1048577 bytes")),
            (Cell::from(json!(too_long)), Kind::Json, false, Some("1048579 bytes")),
            (Cell::from("a\0"), Kind::Text, false, Some("NUL")),
            (Cell::from(json!({"a": [{"b": "\0"}]})), Kind::Json, false, Some("NUL")),
            (Cell::from(json!({"a\0": 1})), Kind::Json, false, Some("NUL")),
            (Cell::from(json!("\\u0000")), Kind::Json, false, None),
            (Cell::Null, Kind::Text, false, None),
            (Cell::Null, Kind::Text, true, Some("null")),
            (Cell::from(None::<i64>), Kind::Integer, false, None),
            (Cell::from(i64::MIN), Kind::Integer, true, None),
            (Cell::from(1_u32), Kind::Text, false, Some("takes Text, not Integer")),
            (Cell::from(1.5), Kind::Real, false, None),
            (Cell::from(f64::NAN), Kind::Real, false, Some("finite")),
            (Cell::from(f64::INFINITY), Kind::Real, false, Some("finite")),
            (Cell::from(Timestamp::MAX), Kind::Time, true, None),
            (Cell::from(FIRST), Kind::Time, true, None),
            (Cell::from(early), Kind::Time, true, Some("before the year 1")),
        ];
        for (cell, kind, in_key, part) in table {
            let said = cell.fits(&Column { name: "c", kind }, in_key);
            match part {
                None => assert_eq!(said, Ok(()), "{kind:?}"),
                Some(part) => assert!(said.clone().unwrap_err().contains(part), "{said:?}"),
            }
        }
    }

    #[test]
    fn a_stranger_s_text_always_fits() {
        let hostile = format!("\0{}", "é".repeat(MAX_TEXT));
        let cell = Cell::foreign(&hostile);
        assert_eq!(cell.fits(&Column { name: "c", kind: Kind::Text }, false), Ok(()));
        assert_eq!(Cell::foreign("as it is"), Cell::from("as it is"));
    }

    #[test]
    fn times_sort_as_text() {
        let text = |time: &str| Cell::Time(time.parse().unwrap()).text().unwrap().into_owned();
        assert_eq!(text("2026-11-20T12:30:00Z"), "2026-11-20T12:30:00.000Z");
        assert_eq!(text("2026-11-20T12:30:00.0019+01:00"), "2026-11-20T11:30:00.001Z");
        assert_eq!(text("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00.000Z");
    }
}
