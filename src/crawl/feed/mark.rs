//! The id of an event: that of its entry in the stream, `<ms>-<n>`.

use std::{fmt, str::FromStr};

/// Where in a network's event stream something was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64, u64);

/// The text is no id of an event.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an event id is one that this stream sent, like 1732143600012-0")]
pub struct MarkError;

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl FromStr for Mark {
    type Err = MarkError;

    fn from_str(text: &str) -> Result<Self, MarkError> {
        let (ms, n) = text.split_once('-').ok_or(MarkError)?;
        Ok(Self(digits(ms)?, digits(n)?))
    }
}

/// Digits only: `parse` would take a sign.
fn digits(text: &str) -> Result<u64, MarkError> {
    if text.starts_with('+') { Err(MarkError) } else { text.parse().map_err(|_| MarkError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_the_text() {
        let id: Mark = "1732143600012-7".parse().expect("an id");
        assert_eq!(id.to_string(), "1732143600012-7");
        assert!(id < "1732143600012-10".parse().expect("an id"), "they compare as numbers");
        for text in ["", "1", "-", "1-", "-1", "+1-0", "1-+0", "1-0-0", "x-0", "18446744073709551616-0"] {
            assert_eq!(text.parse::<Mark>(), Err(MarkError), "{text}");
        }
    }
}
