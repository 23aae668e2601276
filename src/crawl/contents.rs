//! What a record says, key by key. Its maker chose every byte: what a key does not allow stays as it is, in hexadecimal.

use std::net::{Ipv4Addr, Ipv6Addr};

use alloy_rlp::{Decodable, Header};
use bytes::Bytes;
use serde::Serialize;

use super::record::{client_words, hex};
use crate::discv5::Record;

/// A record's content. Keys that are there and say what they should have a field of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "documented field by field in openapi.yaml")]
pub struct Contents {
    pub seq: u64,
    /// Bytes of RLP.
    pub size: usize,
    #[serde(flatten)]
    pub said: Said,
    /// All other keys, and those whose value is not what it should be.
    pub unknown: Vec<Unknown>,
}

/// The keys that are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Said {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quic: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip6: Option<Ipv6Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp6: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp6: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quic6: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth2: Option<ConsensusFork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth: Option<ExecutionFork>,
    /// Subnets of attestations, 0–63.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attnets: Option<Vec<u8>>,
    /// Subnets of sync committees, 0–3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syncnets: Option<Vec<u8>>,
    /// How many custody groups it keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgc: Option<u64>,
    /// The digest of the next fork.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nfd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snap: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opstack: Option<OpStack>,
}

/// `eth2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsensusFork {
    pub fork_digest: String,
    pub next_fork_version: String,
    /// Absent if none is planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_fork_epoch: Option<u64>,
}

/// `eth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExecutionFork {
    pub fork_hash: String,
    /// Absent if none is planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork_next: Option<u64>,
}

/// `client` (EIP-7636).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Client {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// `opstack`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpStack {
    pub chain_id: u64,
    pub version: u64,
}

/// A key whose value is not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Letters, digits and marks as they are; anything else as `0x` and hexadecimal.
    pub key: String,
    /// The value's RLP, in hexadecimal.
    pub rlp: String,
}

impl Contents {
    /// Reads everything.
    pub fn of(record: &Record) -> Self {
        let mut contents = Self { seq: record.seq(), size: record.rlp().len(), ..Self::default() };
        for (key, value) in record.keys() {
            // The scheme and the key: a record is none without them.
            if matches!(key, b"id" | b"secp256k1") || contents.said.take(record, key, value).is_some() {
                continue;
            }
            contents.unknown.push(Unknown { key: key_text(key), rlp: hex(value) });
        }
        contents
    }
}

impl Said {
    /// Takes in one key; nothing if it is not known or does not say what it should.
    fn take(&mut self, record: &Record, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"ip" => self.ip = Some(record.ip4()?),
            b"ip6" => self.ip6 = Some(record.ip6()?),
            b"udp" => self.udp = Some(port(value)?),
            b"udp6" => self.udp6 = Some(port(value)?),
            b"tcp" => self.tcp = Some(port(value)?),
            b"tcp6" => self.tcp6 = Some(port(value)?),
            b"quic" => self.quic = Some(port(value)?),
            b"quic6" => self.quic6 = Some(port(value)?),
            b"eth2" => self.eth2 = Some(eth2(&string(value)?)?),
            b"eth" => self.eth = Some(eth(value)?),
            b"attnets" => self.attnets = Some(bits(&fixed::<8>(value)?)),
            b"syncnets" => self.syncnets = Some(bits(&fixed::<1>(value)?)),
            b"cgc" => self.cgc = Some(number(value)?),
            b"nfd" => self.nfd = Some(hex(&fixed::<4>(value)?)),
            b"client" => self.client = Some(client(record)?),
            b"snap" => self.snap = is_list(value).then_some(true),
            b"opstack" => self.opstack = Some(opstack(&string(value)?)?),
            _ => return None,
        }
        (key != b"snap" || self.snap.is_some()).then_some(())
    }
}

/// SSZ: 4 bytes digest, 4 next version, 8 next epoch. All bits of the epoch are set while no fork is planned.
fn eth2(value: &[u8]) -> Option<ConsensusFork> {
    let (digest, rest) = value.split_first_chunk::<4>()?;
    let (version, epoch) = rest.split_first_chunk::<4>()?;
    let epoch = u64::from_le_bytes(epoch.try_into().ok()?);
    Some(ConsensusFork {
        fork_digest: hex(digest),
        next_fork_version: hex(version),
        next_fork_epoch: (epoch != u64::MAX).then_some(epoch),
    })
}

/// RLP: a list whose first item is `[hash, next]`; 0 is no next.
fn eth(mut value: &[u8]) -> Option<ExecutionFork> {
    let mut list = Header::decode_bytes(&mut value, true).ok()?;
    let mut id = Header::decode_bytes(&mut list, true).ok()?;
    let hash = Header::decode_bytes(&mut id, false).ok()?;
    let next = u64::decode(&mut id).ok()?;
    (hash.len() == 4).then(|| ExecutionFork { fork_hash: hex(hash), fork_next: (next != 0).then_some(next) })
}

fn client(record: &Record) -> Option<Client> {
    let mut words = client_words(record)?.into_iter().filter(|word| !word.is_empty());
    Some(Client { name: words.next()?, version: words.next(), build: words.next() })
}

/// Two numbers of 7 bits a byte, the lowest first.
fn opstack(mut value: &[u8]) -> Option<OpStack> {
    let found = OpStack { chain_id: varint(&mut value)?, version: varint(&mut value)? };
    value.is_empty().then_some(found)
}

fn varint(value: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = value.split_first()?;
        *value = rest;
        let low = u64::from(byte & 0x7f);
        let shifted = low << shift;
        if shifted >> shift != low {
            return None;
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn port(value: &[u8]) -> Option<u16> {
    alloy_rlp::decode_exact(value).ok().filter(|port| *port != 0)
}

fn number(value: &[u8]) -> Option<u64> {
    alloy_rlp::decode_exact(value).ok()
}

fn string(mut value: &[u8]) -> Option<Bytes> {
    Bytes::decode(&mut value).ok()
}

fn fixed<const N: usize>(value: &[u8]) -> Option<[u8; N]> {
    string(value)?.as_ref().try_into().ok()
}

fn is_list(mut value: &[u8]) -> bool {
    Header::decode(&mut value).is_ok_and(|header| header.list)
}

/// The numbers of the bits that are set; SSZ counts from the lowest bit of the first byte.
fn bits(bytes: &[u8]) -> Vec<u8> {
    let all =
        (0..).step_by(8).zip(bytes).flat_map(|(start, byte)| (0..8).map(move |bit| (start + bit, byte >> bit & 1)));
    all.filter(|(_, set)| *set == 1).map(|(number, _)| number).collect()
}

fn key_text(key: &[u8]) -> String {
    let is_plain = !key.is_empty() && key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    if is_plain { String::from_utf8_lossy(key).into_owned() } else { format!("0x{}", hex(key)) }
}

#[cfg(test)]
#[path = "contents_tests.rs"]
mod tests;
