//! What a node's record says, as plain values. The record's maker chose every byte of it.

use std::{fmt::Write as _, net::IpAddr};

use bytes::Bytes;
use discv5::Enr;
use enr::NodeId;
use serde::Serialize;

/// Characters of a client's name that are kept; longer ones are cut.
const MAX_CLIENT: usize = 32;

/// One node in the dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The node's id, in hexadecimal.
    pub node_id: String,
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
    /// The quickest answer to one request, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Ids of the neighbours that it told of.
    pub neighbours: Vec<String>,
}

impl Row {
    /// What a record says of its node, before anybody asked it.
    pub(super) fn unasked(record: &Enr) -> Self {
        let (ip, udp, tcp) = match (record.ip4(), record.ip6()) {
            (None, Some(ip)) => (Some(IpAddr::V6(ip)), record.udp6(), record.tcp6()),
            (ip, _) => (ip.map(IpAddr::V4), record.udp4(), record.tcp4()),
        };
        Self {
            node_id: hex(&record.node_id().raw()),
            enr: record.to_base64(),
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

/// The bucket of `a` that `b` belongs to: the position of the highest bit that differs, 256 the highest; 0 for itself.
pub(super) fn distance(a: &NodeId, b: &NodeId) -> u64 {
    let (a, b) = (a.raw(), b.raw());
    a.iter()
        .zip(&b)
        .map(|(a, b)| a ^ b)
        .zip((1..=32_u64).rev())
        .find(|(bits, _)| *bits != 0)
        .map_or(0, |(bits, byte)| byte * 8 - u64::from(bits.leading_zeros()))
}

/// The name under `client` (EIP-7636): letters, digits and marks that are safe to show anywhere.
pub(super) fn client(record: &Enr) -> Option<String> {
    let list = record.get_decodable::<Vec<Bytes>>("client")?.ok()?;
    let name: String = String::from_utf8_lossy(list.first()?)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_. ".contains(*c))
        .take(MAX_CLIENT)
        .collect();
    (!name.trim().is_empty()).then(|| name.trim().to_owned())
}

/// The fork that the record names: `eth2/` and the fork digest of a consensus client, or `eth/` and the fork hash of
/// an execution client.
pub(super) fn fork(record: &Enr) -> Option<String> {
    // SSZ: 4 bytes digest, 4 next version, 8 next epoch.
    if let Some(Ok(value)) = record.get_decodable::<Bytes>("eth2")
        && value.len() == 16
    {
        return value.get(..4).map(|digest| format!("eth2/{}", hex(digest)));
    }
    // RLP [[hash, next], …]: two list headers, then a string of 4 bytes.
    match record.get_raw_rlp("eth")? {
        [0xc0..=0xf7, 0xc0..=0xf7, 0x84, a, b, c, d, ..] => Some(format!("eth/{}", hex(&[*a, *b, *c, *d]))),
        _ => None,
    }
}

/// Bytes in hexadecimal, lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}
