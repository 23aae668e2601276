//! The bytes of a datagram: an initialisation vector, a header masked with the recipient's id, a sealed message.
//!
//! ```text
//! iv 16 | "discv5" 6, version 2, flag 1, nonce 12, size of what follows 2 | authentication data | message
//! ```
//!
//! Unmasking and opening happen in the buffer that the datagram was received into.

use aes::cipher::{KeyIvInit as _, StreamCipher as _};

use super::{node_id::NodeId, record::Record};

/// The shortest packet: WHOAREYOU.
pub const MIN_SIZE: usize = 63;
/// The longest.
pub const MAX_SIZE: usize = 1280;

const IV: usize = 16;
/// From the start of the packet to the authentication data.
const FIXED: usize = IV + 23;
const PROTOCOL: &[u8; 8] = b"discv5\x00\x01";
const ORDINARY: u8 = 0;
const WHOAREYOU: u8 = 1;
const HANDSHAKE: u8 = 2;

type Mask = ctr::Ctr128BE<aes::Aes128>;

/// Unique for every message under one key.
pub type Nonce = [u8; 12];
/// Header of a WHOAREYOU packet, in the clear, with its initialisation vector: what the answer to it must sign.
pub type Challenge = [u8; MIN_SIZE];

/// A received packet, not yet opened.
#[derive(Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Of the message; of the packet that was not understood in a WHOAREYOU.
    pub nonce: Nonce,
    /// Which of the three.
    pub kind: Kind<'a>,
    /// Initialisation vector and header in the clear: what the message's seal covers as well.
    pub head: &'a [u8],
    /// The sealed message; empty in a WHOAREYOU.
    pub message: &'a mut [u8],
}

/// The three kinds of packets, and the authentication data of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A message under the keys of a session, or random bytes to start one.
    Ordinary {
        /// Who says it is the sender.
        from: NodeId,
    },
    /// "I have no session with you": asks for a handshake.
    WhoAreYou {
        /// Whole header, to be signed.
        challenge: &'a Challenge,
        /// The newest record of ours that the sender has, by number.
        seq: u64,
    },
    /// The answer to WHOAREYOU, with a message under the new keys.
    Handshake {
        /// Who says it is the sender.
        from: NodeId,
        /// Proves it.
        signature: &'a [u8; 64],
        /// The sender's part of the key agreement, a compressed point.
        ephemeral: &'a [u8; 33],
        /// The sender's record, if the recipient's copy is old; not verified.
        record: Option<&'a [u8]>,
    },
}

/// Why a datagram is no packet to us, or a packet cannot be sent.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PacketError {
    /// Outside of 63 to 1280 bytes.
    #[error("a packet has {MIN_SIZE} to {MAX_SIZE} bytes, not {0}")]
    Size(usize),
    /// Not discv5.1, or masked for somebody else.
    #[error("not a discv5.1 packet for this node")]
    Protocol,
    /// None of the three kinds.
    #[error("unknown kind of packet {0}")]
    Flag(u8),
    /// The authentication data does not have the size that its kind has.
    #[error("the authentication data has a wrong size")]
    Authentication,
    /// Something follows a WHOAREYOU.
    #[error("a WHOAREYOU packet carries no message")]
    Message,
}

impl<'a> Packet<'a> {
    /// Unmasks a datagram sent to `to`.
    pub fn decode(datagram: &'a mut [u8], to: NodeId) -> Result<Self, PacketError> {
        let size = datagram.len();
        if !(MIN_SIZE..=MAX_SIZE).contains(&size) {
            return Err(PacketError::Size(size));
        }
        let too_short = PacketError::Size(size);
        let (iv, rest) = datagram.split_first_chunk_mut::<IV>().ok_or(too_short)?;
        let mut mask = mask(to, iv);
        let (fixed, rest) = rest.split_at_mut_checked(FIXED - IV).ok_or(too_short)?;
        mask.apply_keystream(fixed);
        let (protocol, fixed) = fixed.split_first_chunk::<8>().ok_or(too_short)?;
        if protocol != PROTOCOL {
            return Err(PacketError::Protocol);
        }
        let ([flag], fixed) = fixed.split_first_chunk::<1>().ok_or(too_short)?;
        let (nonce, fixed) = fixed.split_first_chunk::<12>().ok_or(too_short)?;
        let (flag, nonce) = (*flag, *nonce);
        let authentication = usize::from(u16::from_be_bytes(fixed.try_into().map_err(|_| too_short)?));
        mask.apply_keystream(rest.get_mut(..authentication).ok_or(PacketError::Authentication)?);
        let (head, message) = datagram.split_at_mut_checked(FIXED + authentication).ok_or(too_short)?;
        let head: &[u8] = head;
        let kind = Kind::decode(flag, head)?;
        if matches!(kind, Kind::WhoAreYou { .. }) && !message.is_empty() {
            return Err(PacketError::Message);
        }
        Ok(Self { nonce, kind, head, message })
    }
}

impl<'a> Kind<'a> {
    fn decode(flag: u8, head: &'a [u8]) -> Result<Self, PacketError> {
        let data = head.get(FIXED..).ok_or(PacketError::Authentication)?;
        match flag {
            ORDINARY => Ok(Self::Ordinary { from: NodeId(data.try_into().map_err(|_| PacketError::Authentication)?) }),
            WHOAREYOU => {
                let challenge = head.try_into().map_err(|_| PacketError::Authentication)?;
                let seq = data.last_chunk::<8>().ok_or(PacketError::Authentication)?;
                Ok(Self::WhoAreYou { challenge, seq: u64::from_be_bytes(*seq) })
            }
            HANDSHAKE => Self::decode_handshake(data).ok_or(PacketError::Authentication),
            other => Err(PacketError::Flag(other)),
        }
    }

    fn decode_handshake(data: &'a [u8]) -> Option<Self> {
        let (from, data) = data.split_first_chunk::<32>()?;
        let (sizes, data) = data.split_first_chunk::<2>()?;
        // The sizes that the "v4" scheme has; there is no other.
        if *sizes != [64, 33] {
            return None;
        }
        let (signature, data) = data.split_first_chunk::<64>()?;
        let (ephemeral, record) = data.split_first_chunk::<33>()?;
        let record = (!record.is_empty()).then_some(record);
        Some(Self::Handshake { from: NodeId(*from), signature, ephemeral, record })
    }
}

/// The head of a packet that is being made: initialisation vector and header, in the clear. The message is sealed with
/// these bytes as associated data, then [`Head::mask`] makes the packet.
#[derive(Clone, Debug)]
pub struct Head(Vec<u8>);

impl Head {
    /// Of a message under a session's keys, or of random bytes.
    pub fn ordinary(iv: [u8; 16], nonce: &Nonce, from: NodeId) -> Self {
        Self::new(iv, ORDINARY, nonce, &[&from.0])
    }

    /// Of a WHOAREYOU that answers the packet with this nonce.
    pub fn whoareyou(iv: [u8; 16], nonce: &Nonce, id_nonce: [u8; 16], seq: u64) -> Self {
        Self::new(iv, WHOAREYOU, nonce, &[&id_nonce, &seq.to_be_bytes()])
    }

    /// Of the answer to a WHOAREYOU.
    pub fn handshake(
        iv: [u8; 16],
        nonce: &Nonce,
        from: NodeId,
        signature: &[u8; 64],
        ephemeral: &[u8; 33],
        record: Option<&Record>,
    ) -> Self {
        let record = record.map(Record::rlp).unwrap_or_default();
        Self::new(iv, HANDSHAKE, nonce, &[&from.0, &[64, 33], signature, ephemeral, record])
    }

    fn new(iv: [u8; 16], flag: u8, nonce: &Nonce, authentication: &[&[u8]]) -> Self {
        let size: usize = authentication.iter().map(|part| part.len()).sum();
        let mut bytes = Vec::with_capacity(MAX_SIZE);
        bytes.extend_from_slice(&iv);
        bytes.extend_from_slice(PROTOCOL);
        bytes.push(flag);
        bytes.extend_from_slice(nonce);
        // The largest part is a record of 300 bytes, so this cannot overflow.
        bytes.extend_from_slice(&u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes());
        for part in authentication {
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }

    /// What the seal of the message covers as well.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the answer to this WHOAREYOU must sign; `None` of the other kinds.
    pub fn challenge(&self) -> Option<&Challenge> {
        self.bytes().try_into().ok()
    }

    /// The packet to send to `to`: this head, masked, and a sealed message.
    pub fn mask(mut self, to: NodeId, message: &[u8]) -> Result<Vec<u8>, PacketError> {
        let size = self.0.len() + message.len();
        if size > MAX_SIZE {
            return Err(PacketError::Size(size));
        }
        if let Some((iv, header)) = self.0.split_first_chunk_mut::<IV>() {
            mask(to, iv).apply_keystream(header);
        }
        self.0.extend_from_slice(message);
        Ok(self.0)
    }
}

/// The mask of a header: AES-128 in counter mode under the first half of the recipient's id.
fn mask(to: NodeId, iv: &[u8; IV]) -> Mask {
    let (key, _) = to.0.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    Mask::new(key.into(), iv.into())
}

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
