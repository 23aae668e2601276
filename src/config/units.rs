//! Values with a unit, written as people write them: `"10s"`, `"1MiB"`, `"2x64"`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A duration: `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A size in bytes: `"512B"`, `"64KiB"`, `"1MiB"`, `"2GiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// How many processes a pool has and how many jobs each runs at once: `"2x64"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// Processes, 1–64.
    pub processes: u16,
    /// Jobs at once in each, 1–1024.
    pub slots: u16,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for machines.
    Json,
}

/// From which level on something is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the usual levels")]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// What an accepted job has survived when its client is told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing but the memory of Redis and its file, which may be a second behind its disk.
    Everysec,
    /// The disk of Redis.
    Always,
    /// As many replicas as `redis.replicas` says.
    Replicated,
}

/// The text is not a value of that unit; whoever reports it names the text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected {expected}")]
pub struct UnitError {
    pub(super) expected: &'static str,
}

const MILLIS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const BYTES: &[(&str, u64)] = &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

impl Span {
    /// In whole milliseconds.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Digits, then one of `units`.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim_start())?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The largest unit that divides `value`.
fn print(value: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fitting = units.iter().filter(|(_, factor)| value.is_multiple_of(*factor)).max_by_key(|(_, factor)| *factor);
    let (name, factor) = fitting.copied().unwrap_or(("", 1));
    write!(f, "{}{name}", value / factor)
}

impl FromStr for Span {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let expected = "a duration like \"250ms\", \"10s\", \"5m\", \"2h\" or \"7d\"";
        let millis = parse(text, MILLIS).ok_or(UnitError { expected })?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let expected = "a size like \"512B\", \"64KiB\", \"1MiB\" or \"2GiB\"";
        parse(text, BYTES).map(Self).ok_or(UnitError { expected })
    }
}

impl FromStr for PoolSize {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let size = text.split_once('x').and_then(|(processes, slots)| {
            let size = Self { processes: processes.parse().ok()?, slots: slots.parse().ok()? };
            ((1..=64).contains(&size.processes) && (1..=1024).contains(&size.slots)).then_some(size)
        });
        let expected = "PROCESSESxSLOTS like \"2x64\", 1-64 processes of 1-1024 slots";
        size.ok_or(UnitError { expected })
    }
}

impl FromStr for LogFormat {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnitError { expected: "\"text\" or \"json\"" }),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

const LOG_LEVELS: [(&str, LogLevel); 6] = [
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

impl FromStr for LogLevel {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let level = LOG_LEVELS.into_iter().find(|(word, _)| *word == text).map(|(_, level)| level);
        level.ok_or(UnitError { expected: "off, error, warn, info, debug or trace" })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LOG_LEVELS.into_iter().find(|(_, level)| level == self).map_or("off", |(word, _)| word))
    }
}

impl FromStr for Durability {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text {
            "everysec" => Ok(Self::Everysec),
            "always" => Ok(Self::Always),
            "replicated" => Ok(Self::Replicated),
            _ => Err(UnitError { expected: "\"everysec\", \"always\" or \"replicated\"" }),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everysec => "everysec",
            Self::Always => "always",
            Self::Replicated => "replicated",
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.as_millis(), MILLIS, f)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self.0, BYTES, f)
    }
}

impl fmt::Display for PoolSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.processes, self.slots)
    }
}

macro_rules! as_text {
    ($($unit:ty),*) => {$(
        impl Serialize for $unit {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $unit {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
as_text!(Span, ByteSize, PoolSize, LogFormat, LogLevel, Durability);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_printed() {
        for text in ["250ms", "10s", "5m", "2h", "7d", "90s"] {
            assert_eq!(text.parse::<Span>().map(|span| span.to_string()), Ok(text.into()));
        }
        for text in ["512B", "64KiB", "1MiB", "3GiB"] {
            assert_eq!(text.parse::<ByteSize>().map(|size| size.to_string()), Ok(text.into()));
        }
        for text in ["off", "error", "warn", "info", "debug", "trace"] {
            assert_eq!(text.parse::<LogLevel>().map(|level| level.to_string()), Ok(text.into()));
        }
        assert_eq!("2x64".parse(), Ok(PoolSize { processes: 2, slots: 64 }));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "10", "s", "-1s", "1.5h", "99999999999999999999s", "10 parsecs"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["", "x", "0x1", "1x0", "65x1", "1x1025", "2", "2x2x2"] {
            assert!(text.parse::<PoolSize>().is_err(), "{text}");
        }
    }
}
