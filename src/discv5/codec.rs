//! Messages, as they are inside a packet once it is opened: a byte for the kind, and an RLP list.

use std::net::{IpAddr, Ipv6Addr};

use alloy_rlp::{Decodable as _, Encodable as _, Header};

use super::record::{list_of, next_item};

/// The highest distance there is.
pub const MAX_DISTANCE: u16 = 256;

const PING: u8 = 1;
const PONG: u8 = 2;
const FINDNODE: u8 = 3;
const NODES: u8 = 4;
const TALKREQ: u8 = 5;
const TALKRESP: u8 = 6;

/// Up to 8 bytes that the asker chose; every answer carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    size: u8,
    bytes: [u8; 8],
}

impl RequestId {
    /// These bytes; `None` if they are more than 8.
    pub fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; 8];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self { size: u8::try_from(id.len()).ok()?, bytes })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.size)).unwrap_or_default()
    }
}

impl From<u64> for RequestId {
    fn from(number: u64) -> Self {
        Self { size: 8, bytes: number.to_be_bytes() }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// "Are you there?"
    Ping {
        /// Of the question.
        id: RequestId,
        /// Number of the sender's record.
        seq: u64,
    },
    /// "I am."
    Pong {
        /// Of the question.
        id: RequestId,
        /// Number of the sender's record.
        seq: u64,
        /// Where the sender sees the asker.
        ip: IpAddr,
        /// And at which port.
        port: u16,
    },
    /// "Whom do you know at these distances from you?"
    FindNode {
        /// Of the question.
        id: RequestId,
        /// 0 is the asked node itself.
        distances: Vec<u16>,
    },
    /// One of the packets that answer FINDNODE.
    Nodes {
        /// Of the question.
        id: RequestId,
        /// How many packets the answer has, as its sender says.
        total: u64,
        /// RLP of each record, not verified: any of them may be anything.
        records: Vec<&'a [u8]>,
    },
    /// A question of another protocol.
    TalkRequest {
        /// Of the question.
        id: RequestId,
        /// Name of the protocol.
        protocol: &'a [u8],
        /// Its question.
        request: &'a [u8],
    },
    /// The answer of another protocol; empty if the sender does not know the protocol.
    TalkResponse {
        /// Of the question.
        id: RequestId,
        /// Its answer.
        response: &'a [u8],
    },
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum MessageError {
    /// Nothing at all.
    #[error("the message is empty")]
    Empty,
    /// None of the six.
    #[error("unknown kind of message {0}")]
    Kind(u8),
    /// Not the list that its kind is.
    #[error("the message is not well-formed RLP")]
    Rlp,
    /// The request id has more than 8 bytes.
    #[error("the request id is too long")]
    RequestId,
    /// An address that has neither 4 nor 16 bytes.
    #[error("the address has a wrong size")]
    Address,
    /// A distance over 256.
    #[error("the distance {0} does not exist")]
    Distance(u16),
}

impl From<alloy_rlp::Error> for MessageError {
    fn from(_: alloy_rlp::Error) -> Self {
        Self::Rlp
    }
}

impl<'a> Message<'a> {
    /// Reads a message. Records are split, not read: one that is wrong is not a reason to lose the others.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let (kind, mut rest) = bytes.split_first().ok_or(MessageError::Empty)?;
        if !(PING..=TALKRESP).contains(kind) {
            return Err(MessageError::Kind(*kind));
        }
        let mut list = Header::decode_bytes(&mut rest, true)?;
        if !rest.is_empty() {
            return Err(MessageError::Rlp);
        }
        let list = &mut list;
        let id = RequestId::new(Header::decode_bytes(list, false)?).ok_or(MessageError::RequestId)?;
        let message = match *kind {
            PING => Self::Ping { id, seq: u64::decode(list)? },
            PONG => Self::Pong { id, seq: u64::decode(list)?, ip: decode_ip(list)?, port: u16::decode(list)? },
            FINDNODE => Self::FindNode { id, distances: decode_distances(list)? },
            NODES => Self::Nodes { id, total: u64::decode(list)?, records: split_records(list)? },
            TALKREQ => {
                let protocol = Header::decode_bytes(list, false)?;
                Self::TalkRequest { id, protocol, request: Header::decode_bytes(list, false)? }
            }
            _ => Self::TalkResponse { id, response: Header::decode_bytes(list, false)? },
        };
        if list.is_empty() { Ok(message) } else { Err(MessageError::Rlp) }
    }

    /// The bytes to seal.
    pub fn encode(&self) -> Vec<u8> {
        let mut list = Vec::with_capacity(64);
        self.id().as_bytes().encode(&mut list);
        let kind = match self {
            Self::Ping { seq, .. } => {
                seq.encode(&mut list);
                PING
            }
            Self::Pong { seq, ip, port, .. } => {
                seq.encode(&mut list);
                match ip {
                    IpAddr::V4(ip) => ip.encode(&mut list),
                    IpAddr::V6(ip) => ip.encode(&mut list),
                }
                port.encode(&mut list);
                PONG
            }
            Self::FindNode { distances, .. } => {
                distances.encode(&mut list);
                FINDNODE
            }
            Self::Nodes { total, records, .. } => {
                total.encode(&mut list);
                list.extend_from_slice(&list_of(&records.concat()));
                NODES
            }
            Self::TalkRequest { protocol, request, .. } => {
                protocol.encode(&mut list);
                request.encode(&mut list);
                TALKREQ
            }
            Self::TalkResponse { response, .. } => {
                response.encode(&mut list);
                TALKRESP
            }
        };
        let mut bytes = Vec::with_capacity(list.len() + 4);
        bytes.push(kind);
        Header { list: true, payload_length: list.len() }.encode(&mut bytes);
        bytes.extend_from_slice(&list);
        bytes
    }

    /// Of the question that this is, or answers.
    pub fn id(&self) -> RequestId {
        match self {
            Self::Ping { id, .. }
            | Self::Pong { id, .. }
            | Self::FindNode { id, .. }
            | Self::Nodes { id, .. }
            | Self::TalkRequest { id, .. }
            | Self::TalkResponse { id, .. } => *id,
        }
    }
}

fn decode_ip(list: &mut &[u8]) -> Result<IpAddr, MessageError> {
    let bytes = Header::decode_bytes(list, false)?;
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(IpAddr::from(four));
    }
    let sixteen = <[u8; 16]>::try_from(bytes).map_err(|_| MessageError::Address)?;
    // A socket for both families tells of IPv4 this way.
    Ok(Ipv6Addr::from(sixteen).to_canonical())
}

fn decode_distances(list: &mut &[u8]) -> Result<Vec<u16>, MessageError> {
    let mut distances = Header::decode_bytes(list, true)?;
    let mut decoded = Vec::new();
    while !distances.is_empty() {
        let distance = u16::decode(&mut distances)?;
        if distance > MAX_DISTANCE {
            return Err(MessageError::Distance(distance));
        }
        decoded.push(distance);
    }
    Ok(decoded)
}

fn split_records<'a>(list: &mut &'a [u8]) -> Result<Vec<&'a [u8]>, MessageError> {
    let mut rest = Header::decode_bytes(list, true)?;
    let mut records = Vec::new();
    while !rest.is_empty() {
        // Where no next item begins, what is left is one bad record.
        let start = rest;
        records.push(next_item(&mut rest).unwrap_or_else(|_| {
            rest = &[];
            start
        }));
    }
    Ok(records)
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
