//! The id of an event: `<shard>.<ms>-<seq>.<n>`.

use std::{fmt, str::FromStr};

use crate::job::Shard;

/// An entry of a shard's stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(pub(super) u64, pub(super) u64);

/// Where in the event streams something was said: shard, stream entry, place in the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventId {
    pub(super) shard: Shard,
    pub(super) entry: Entry,
    pub(super) place: u16,
}

/// The text is no id of an event.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an event id is one that this stream sent, like 0.1732143600012-0.3")]
pub struct EventIdError;

impl EventId {
    /// After everything in `entry`.
    pub(super) fn whole(shard: Shard, entry: Entry) -> Self {
        Self { shard, entry, place: u16::MAX }
    }

    /// The shard it is of.
    pub fn shard(self) -> Shard {
        self.shard
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.shard, self.entry, self.place)
    }
}

impl FromStr for Entry {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let (ms, seq) = text.split_once('-').ok_or(EventIdError)?;
        Ok(Self(digits(ms)?, digits(seq)?))
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let (shard, rest) = text.split_once('.').ok_or(EventIdError)?;
        let (entry, place) = rest.split_once('.').ok_or(EventIdError)?;
        Ok(Self { shard: Shard(digits(shard)?), entry: entry.parse()?, place: digits(place)? })
    }
}

/// Digits only: `parse` would take a sign.
fn digits<T: FromStr>(text: &str) -> Result<T, EventIdError> {
    if text.starts_with('+') { Err(EventIdError) } else { text.parse().map_err(|_| EventIdError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_the_text() {
        let id = EventId { shard: Shard(3), entry: Entry(1_732_143_600_012, 7), place: 2 };
        assert_eq!(id.to_string(), "3.1732143600012-7.2");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(EventId::whole(Shard(0), Entry(1, 0)).to_string(), "0.1-0.65535");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "1", "0.1-0", "0.1.0", "x.1-0.0", "0.-1-0.0", "0.1-0.65536", "+0.1-0.0", "0.1-0.0.0"] {
            assert_eq!(text.parse::<EventId>(), Err(EventIdError), "{text}");
        }
    }
}
