//! What a node's record says, as plain values. The record's maker chose every byte of it.

use std::net::IpAddr;

use alloy_rlp::Decodable as _;
use bytes::Bytes;
use serde::Serialize;

use crate::discv5::{NodeId, Record};

/// Characters of a client's name or version that are kept; longer ones are cut.
const MAX_WORD: usize = 32;

/// One node in the dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The node's id, in hexadecimal.
    pub node_id: NodeId,
    /// Its newest record: its own answer, or what others told of it.
    pub enr: String,
    /// The sequence number of that record.
    pub seq: u64,
    /// The address in the record.
    pub ip: Option<IpAddr>,
    /// The discovery port in the record.
    pub udp: Option<u16>,
    /// The TCP port in the record.
    pub tcp: Option<u16>,
    /// Whether it answered; `null` if it was never asked.
    pub reachable: Option<bool>,
    /// The answer to its last check, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Ids of the neighbours that it told of.
    pub neighbours: Vec<NodeId>,
}

impl Row {
    /// What a record says of its node, before anybody asked it.
    pub fn unasked(record: &Record) -> Self {
        let (ip, udp, tcp) = endpoint(record);
        Self {
            node_id: record.id(),
            enr: record.to_string(),
            seq: record.seq(),
            ip,
            udp,
            tcp,
            reachable: None,
            rtt_ms: None,
            neighbours: Vec::new(),
        }
    }
}

/// The address in a record, its discovery port and its TCP port: those of IPv4, unless it names IPv6 alone.
pub fn endpoint(record: &Record) -> (Option<IpAddr>, Option<u16>, Option<u16>) {
    match (record.ip4(), record.ip6()) {
        (None, Some(ip)) => (Some(IpAddr::V6(ip)), record.udp6(), record.tcp6()),
        (ip, _) => (ip.map(IpAddr::V4), record.udp4(), record.tcp4()),
    }
}

/// The name under `client` (EIP-7636).
pub fn client(record: &Record) -> Option<String> {
    client_words(record)?.into_iter().next()
}

/// Name, version and build under `client` (EIP-7636): letters, digits and marks that are safe to show anywhere.
pub fn client_words(record: &Record) -> Option<Vec<String>> {
    let words = Vec::<Bytes>::decode(&mut record.get("client")?).ok()?;
    let shown = |word: &Bytes| {
        let kept = String::from_utf8_lossy(word)
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-_.+ ".contains(*c))
            .take(MAX_WORD)
            .collect::<String>();
        kept.trim().to_owned()
    };
    let words: Vec<String> = words.iter().take(3).map(shown).collect();
    words.first().is_some_and(|name| !name.is_empty()).then_some(words)
}

/// The fork that the record names: `eth2/` and the fork digest of a consensus client, or `eth/` and the fork hash of
/// an execution client.
pub fn fork(record: &Record) -> Option<String> {
    // SSZ: 4 bytes digest, 4 next version, 8 next epoch.
    if let Some(value) = record.get("eth2").and_then(|mut value| Bytes::decode(&mut value).ok())
        && value.len() == 16
    {
        return value.get(..4).map(|digest| format!("eth2/{}", hex(digest)));
    }
    // RLP [[hash, next], …]: two list headers, then a string of 4 bytes.
    match record.get("eth")? {
        [0xc0..=0xf7, 0xc0..=0xf7, 0x84, a, b, c, d, ..] => Some(format!("eth/{}", hex(&[*a, *b, *c, *d]))),
        _ => None,
    }
}

/// Bytes in hexadecimal, lower case.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
