//! What the keys of one Network begin with.

use std::{fmt, str::FromStr};

/// The most characters.
const MAX: usize = 80;

/// What the keys of one Network begin with: 1 to 80 letters, digits, `.`, `_`, `:` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(String);

/// The text is no prefix.
#[derive(Debug, thiserror::Error)]
#[error("expected 1 to {MAX} letters, digits, ., _, : and -")]
pub struct PrefixError;

impl Prefix {
    /// The one that is meant where none is named.
    pub const DEFAULT: &str = "hathor-explorer-service";

    /// The key of the Network; all keys of ours have it as their hash tag.
    pub(super) fn network(&self) -> String {
        format!("{self}.network.v1")
    }

    /// The key of what a node said.
    pub(super) fn node(&self, id: &str) -> String {
        format!("{self}.node.{id}")
    }

    /// The key of the hosts that may be nodes.
    pub(super) fn candidates(&self) -> String {
        format!("{self}.candidates")
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let fits = (1..=MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(PrefixError) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_safe_in_keys() {
        for good in ["hathor-explorer-service", "a", "A.b_c:d-0"] {
            assert_eq!(good.parse::<Prefix>().expect("a prefix").to_string(), good);
        }
        for bad in ["", "a b", "{a}", "a\n", "ä", &"x".repeat(81)] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
        assert_eq!(Prefix::default().network(), "hathor-explorer-service.network.v1");
    }
}
