//! Who a node is: the hash of its public key.

use std::{fmt, str::FromStr};

use secp256k1::PublicKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha3::{Digest as _, Keccak256};

/// The Keccak-256 hash of a node's public key. Its text is 64 hexadecimal digits, lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub [u8; 32]);

/// The text is not a node id.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a node id is 64 hexadecimal digits")]
pub struct NodeIdError;

impl NodeId {
    /// Whom a public key belongs to.
    pub fn of(key: &PublicKey) -> Self {
        // The hash is over the two coordinates, without the byte that says "uncompressed".
        let coordinates = key.serialize_uncompressed();
        Self(Keccak256::digest(coordinates.get(1..).unwrap_or_default()).into())
    }

    /// The bucket of this node that `other` belongs to: the position of the highest bit that differs, 1..=256; 0 for
    /// itself.
    pub fn distance(self, other: Self) -> u16 {
        self.0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| a ^ b)
            .zip((1..=32_u16).rev())
            .find(|(bits, _)| *bits != 0)
            .map_or(0, |(bits, byte)| byte * 8 - u16::try_from(bits.leading_zeros()).unwrap_or(0))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ids are written by the hundred for every node: digit by digit through the formatter is far slower.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(self.0) {
            let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

impl FromStr for NodeId {
    type Err = NodeIdError;

    fn from_str(text: &str) -> Result<Self, NodeIdError> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(NodeIdError) };
        let bytes: Vec<u8> = pairs
            .iter()
            .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
            .collect::<Option<_>>()
            .ok_or(NodeIdError)?;
        bytes.try_into().map(Self).map_err(|_| NodeIdError)
    }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_the_highest_bit_that_differs() {
        let id = |first: u8, last: u8| {
            let mut bytes = [0; 32];
            (bytes[0], bytes[31]) = (first, last);
            NodeId(bytes)
        };
        let table = [
            (id(0, 0), id(0, 0), 0),
            (id(0, 0), id(0, 1), 1),
            (id(0, 3), id(0, 1), 2),
            (id(0, 0x80), id(0, 0), 8),
            (id(1, 9), id(0, 0), 249),
            (id(0xff, 0), id(0x7f, 0), 256),
        ];
        for (a, b, distance) in table {
            assert_eq!(a.distance(b), distance, "{a} {b}");
            assert_eq!(b.distance(a), distance, "{b} {a}");
        }
    }

    #[test]
    fn text_is_64_digits() {
        let text = "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7";
        let id: NodeId = text.parse().expect("an id");
        assert_eq!(id.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).expect("JSON"), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<NodeId>(&format!("\"{text}\"")).expect("an id"), id);
        for wrong in ["", "a4", &text[1..], &format!("{text}0"), &format!("{text}00"), &text.replace('a', "g"), "é"] {
            assert_eq!(wrong.parse::<NodeId>(), Err(NodeIdError), "{wrong}");
        }
        assert!(serde_json::from_str::<NodeId>("7").is_err());
    }
}
