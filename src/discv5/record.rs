//! A node's record (EIP-778): signed pairs of keys and values. Whoever made it chose every byte of it.

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    str::FromStr,
    sync::Arc,
};

use alloy_rlp::{Decodable as _, Encodable as _, Header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secp256k1::{Message, PublicKey, SecretKey, ecdsa};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha3::{Digest as _, Keccak256};

use super::node_id::NodeId;

/// A record is not longer than this, in bytes of RLP.
pub const MAX_SIZE: usize = 300;
/// What the text of a record starts with.
const PREFIX: &str = "enr:";

/// A record whose signature is right. Cheap to clone; compares by its bytes.
#[derive(Clone)]
pub struct Record(Arc<Verified>);

struct Verified {
    id: NodeId,
    seq: u64,
    key: PublicKey,
    rlp: Box<[u8]>,
    /// Where in `rlp` the pairs begin; they go to its end.
    pairs: usize,
}

/// Why bytes or a text are no record.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    /// Longer than [`MAX_SIZE`].
    #[error("a record has at most {MAX_SIZE} bytes")]
    TooLong,
    /// Not the RLP of a list of a signature, a number, and pairs.
    #[error("the record is not well-formed RLP")]
    Rlp,
    /// Bytes after the record.
    #[error("bytes follow the record")]
    Trailing,
    /// A key stands twice, or not in its place.
    #[error("the record's keys are not sorted and unique")]
    Order,
    /// Another identity scheme than "v4", or none.
    #[error("the record's identity scheme is not \"v4\"")]
    Scheme,
    /// No public key on the curve.
    #[error("the record has no valid public key")]
    Key,
    /// Not signed by the owner of the key.
    #[error("the record's signature is wrong")]
    Signature,
    /// The text is not `enr:` and base64.
    #[error("a record's text is enr: and unpadded URL-safe base64")]
    Text,
}

impl From<alloy_rlp::Error> for RecordError {
    fn from(_: alloy_rlp::Error) -> Self {
        Self::Rlp
    }
}

impl Record {
    /// Reads a record and verifies its signature. All of `rlp` must be the record.
    pub fn decode(rlp: &[u8]) -> Result<Self, RecordError> {
        Self::read(rlp, |signature, signed, key| {
            ecdsa::verify(signature, digest(signed), key).map_err(|_| RecordError::Signature)
        })
    }

    /// Reads the text of a record that was verified when it was stored.
    pub fn stored(text: &str) -> Result<Self, RecordError> {
        Self::read(&bytes_of(text)?, |_, _, _| Ok(()))
    }

    fn read(
        rlp: &[u8],
        verify: impl FnOnce(&ecdsa::Signature, &[u8], &PublicKey) -> Result<(), RecordError>,
    ) -> Result<Self, RecordError> {
        if rlp.len() > MAX_SIZE {
            return Err(RecordError::TooLong);
        }
        let mut rest = rlp;
        let mut list = Header::decode_bytes(&mut rest, true)?;
        if !rest.is_empty() {
            return Err(RecordError::Trailing);
        }
        let signature = Header::decode_bytes(&mut list, false)?;
        // What is signed is the list without its first item.
        let signed = list;
        let seq = u64::decode(&mut list)?;
        let pairs = rlp.len() - list.len();
        let (mut scheme, mut key, mut previous) = (None, None, None);
        while !list.is_empty() {
            let (name, value) = next_pair(&mut list)?;
            if previous >= Some(name) {
                return Err(RecordError::Order);
            }
            previous = Some(name);
            match name {
                b"id" => scheme = Some(value),
                b"secp256k1" => key = Some(value),
                _ => {}
            }
        }
        if scheme.and_then(text) != Some(b"v4") {
            return Err(RecordError::Scheme);
        }
        let key = key.and_then(text).and_then(|bytes| <[u8; 33]>::try_from(bytes).ok()).ok_or(RecordError::Key)?;
        let key = PublicKey::from_byte_array_compressed(key).map_err(|_| RecordError::Key)?;
        // Refuses the second form of a signature, as other clients do: else one content would have two records.
        let signature = ecdsa::Signature::from_compact(signature).map_err(|_| RecordError::Signature)?;
        verify(&signature, signed, &key)?;
        Ok(Self(Arc::new(Verified { id: NodeId::of(&key), seq, key, rlp: rlp.into(), pairs })))
    }

    /// Makes a record: these pairs (each value in RLP) with the scheme and the public key, signed.
    pub fn sign(secret: &SecretKey, seq: u64, pairs: &[(&[u8], Vec<u8>)]) -> Result<Self, RecordError> {
        let key = alloy_rlp::encode(PublicKey::from_secret_key(secret).serialize().as_slice());
        let mut all: Vec<(&[u8], &[u8])> = vec![(b"id", b"\x82v4"), (b"secp256k1", &key)];
        all.extend(pairs.iter().map(|(name, value)| (*name, value.as_slice())));
        all.sort_unstable();
        let mut signed = alloy_rlp::encode(seq);
        for (name, value) in all {
            name.encode(&mut signed);
            signed.extend_from_slice(value);
        }
        let signature = ecdsa::sign(digest(&signed), secret).serialize_compact();
        let mut content = alloy_rlp::encode(signature.as_slice());
        content.extend_from_slice(&signed);
        // Read again, so that no wrong pair becomes a record.
        Self::decode(&list_of(&content))
    }

    /// Whose record it is.
    pub fn id(&self) -> NodeId {
        self.0.id
    }

    /// The higher, the newer.
    pub fn seq(&self) -> u64 {
        self.0.seq
    }

    /// The record's exact bytes.
    pub fn rlp(&self) -> &[u8] {
        &self.0.rlp
    }

    /// The key that signed it.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.key
    }

    /// Every key and its value in RLP, in the record's order.
    pub fn keys(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.0.rlp.get(self.0.pairs..).unwrap_or_default();
        std::iter::from_fn(move || next_pair(&mut rest).ok())
    }

    /// The value of a key, in RLP.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.keys().find(|(name, _)| *name == key.as_ref()).map(|(_, value)| value)
    }

    /// The IPv4 address, if it is one.
    pub fn ip4(&self) -> Option<Ipv4Addr> {
        self.octets::<4>("ip").map(Ipv4Addr::from)
    }

    /// The IPv6 address, if it is one.
    pub fn ip6(&self) -> Option<Ipv6Addr> {
        self.octets::<16>("ip6").map(Ipv6Addr::from)
    }

    /// The discovery port on IPv4, if it is one.
    pub fn udp4(&self) -> Option<u16> {
        self.port("udp")
    }

    /// The discovery port on IPv6, if it is one.
    pub fn udp6(&self) -> Option<u16> {
        self.port("udp6")
    }

    /// The TCP port on IPv4, if it is one.
    pub fn tcp4(&self) -> Option<u16> {
        self.port("tcp")
    }

    /// The TCP port on IPv6, if it is one.
    pub fn tcp6(&self) -> Option<u16> {
        self.port("tcp6")
    }

    /// Where discovery says it listens on IPv4.
    pub fn udp4_socket(&self) -> Option<SocketAddr> {
        Some(SocketAddrV4::new(self.ip4()?, self.udp4()?).into())
    }

    /// Where discovery says it listens on IPv6; its port is the one of IPv4, unless the record has another.
    pub fn udp6_socket(&self) -> Option<SocketAddr> {
        let port = if self.get("udp6").is_some() { self.udp6() } else { self.udp4() };
        Some(SocketAddrV6::new(self.ip6()?, port?, 0, 0).into())
    }

    /// A port: 1 to 65535, nothing else.
    fn port(&self, key: &str) -> Option<u16> {
        alloy_rlp::decode_exact(self.get(key)?).ok().filter(|port| *port != 0)
    }

    fn octets<const N: usize>(&self, key: &str) -> Option<[u8; N]> {
        text(self.get(key)?)?.try_into().ok()
    }

    /// Whether nobody else holds this record than the `holders` the caller knows of.
    pub(super) fn is_held_by(&self, holders: usize) -> bool {
        Arc::strong_count(&self.0) <= holders
    }
}

/// The next key, and its value in RLP.
fn next_pair<'a>(list: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), RecordError> {
    let key = Header::decode_bytes(list, false)?;
    Ok((key, next_item(list)?))
}

/// The next item, its header included.
pub(super) fn next_item<'a>(list: &mut &'a [u8]) -> Result<&'a [u8], RecordError> {
    let start = *list;
    let header = Header::decode(list)?;
    *list = list.get(header.payload_length..).ok_or(RecordError::Rlp)?;
    start.get(..start.len() - list.len()).ok_or(RecordError::Rlp)
}

/// The bytes of a value that is a string.
fn text(mut value: &[u8]) -> Option<&[u8]> {
    Header::decode_bytes(&mut value, false).ok()
}

/// RLP of a list with this content.
pub(super) fn list_of(content: &[u8]) -> Vec<u8> {
    let mut list = Vec::with_capacity(content.len() + 3);
    Header { list: true, payload_length: content.len() }.encode(&mut list);
    list.extend_from_slice(content);
    list
}

/// What a signature is over, given the content of the signed list.
fn digest(content: &[u8]) -> Message {
    let mut header = Vec::with_capacity(3);
    Header { list: true, payload_length: content.len() }.encode(&mut header);
    Message::from_digest(Keccak256::new().chain_update(header).chain_update(content).finalize().into())
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(self.rlp()))
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Record {
    type Err = RecordError;

    fn from_str(record: &str) -> Result<Self, RecordError> {
        Self::decode(&bytes_of(record)?)
    }
}

fn bytes_of(record: &str) -> Result<Vec<u8>, RecordError> {
    let base64 = record.strip_prefix(PREFIX).ok_or(RecordError::Text)?;
    if base64.len() > MAX_SIZE.div_ceil(3) * 4 {
        return Err(RecordError::TooLong);
    }
    BASE64_URL_SAFE_NO_PAD.decode(base64).map_err(|_| RecordError::Text)
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From what was stored: the signature was verified before that, and is not once more.
impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::stored(&text).map_err(de::Error::custom)
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.rlp() == other.rlp()
    }
}

impl Eq for Record {}

impl Hash for Record {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rlp().hash(state);
    }
}

/// A set of records can be asked by bytes: both hash and compare alike.
impl Borrow<[u8]> for Record {
    fn borrow(&self) -> &[u8] {
        self.rlp()
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
pub(super) mod tests;
