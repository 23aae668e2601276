//! What a request is called, and where in Redis it lies.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::job::Shard;

/// Characters of an id.
const MAX: usize = 64;

/// Parts that requests are spread over, whatever `queue.shards` says: a client's id must always lead to the same one.
pub(super) const SHARDS: u16 = 8;

/// The id of a request: 1 to 64 letters, digits, `-` and `_`, chosen by its client or made here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// Not the id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {MAX} letters, digits, - and _")]
pub struct RequestIdError;

impl RequestId {
    /// A new one; they order by time.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The one that belongs to an idempotency key, of which `hash` is the keyed hash in hexadecimal.
    pub fn of_key(hash: &str) -> Self {
        Self(hash.chars().filter(char::is_ascii_hexdigit).take(32).collect())
    }

    /// What the receiver of the callback tells repetitions by: the same on every delivery of this request.
    pub fn webhook_id(&self) -> String {
        format!("req_{self}")
    }

    /// Where it lies.
    pub(super) fn shard(&self) -> Shard {
        let hash = Sha256::digest(self.0.as_bytes());
        Shard(hash.first_chunk().map_or(0, |start| u16::from_be_bytes(*start)) % SHARDS)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        let fits = (1..=MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(RequestIdError) }
    }
}

impl TryFrom<String> for RequestId {
    type Error = RequestIdError;

    fn try_from(text: String) -> Result<Self, RequestIdError> {
        text.parse()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_in_keys_and_headers() {
        for good in ["1", "order-7_B", &"x".repeat(64)] {
            assert_eq!(good.parse::<RequestId>().expect("an id").to_string(), good);
        }
        for bad in ["", "a.b", "a b", "a:b", "{a}", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<RequestId>(), Err(RequestIdError), "{bad}");
        }
        let made = RequestId::generate();
        assert_eq!(made.as_str().parse(), Ok(made.clone()));
        assert!(!made.webhook_id().contains('.'), "a dot parts what is signed");
    }

    #[test]
    fn the_same_key_is_the_same_request() {
        let hash = "0a1b2c3d".repeat(8);
        let id = RequestId::of_key(&hash);
        assert_eq!(id, RequestId::of_key(&hash));
        assert_eq!(id.as_str().len(), 32);
        assert!(id.as_str().parse::<RequestId>().is_ok());
    }

    #[test]
    fn every_id_has_its_place_for_ever() {
        let places: std::collections::BTreeSet<u16> =
            (0..200).map(|n| format!("r{n}").parse::<RequestId>().unwrap().shard().0).collect();
        assert_eq!(places.into_iter().collect::<Vec<_>>(), (0..SHARDS).collect::<Vec<_>>());
        assert_eq!("123".parse::<RequestId>().unwrap().shard(), "123".parse::<RequestId>().unwrap().shard());
    }
}
