//! One node: its key, its record, where it is and how it behaves.

use std::{net::Ipv4Addr, num::NonZero, thread};

use alloy_rlp::Encodable as _;
use secp256k1::SecretKey;
use sha2::{Digest as _, Sha256};

use super::manner::Manner;
use crate::discv5::{NodeId, Record, RecordError, session::Identity};

/// The fork that some nodes say they are on: SSZ of digest, next version and next epoch.
const ETH2: [u8; 16] = [0xb5, 0x30, 0x3f, 0x2a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It answers.
    Alive,
    /// It does not, and others go on to tell of it: so from the start.
    Dead,
    /// It left at the last tick; others do not know yet.
    Left,
    /// It left before, and others have forgotten it.
    Gone,
}

/// One node.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) identity: Identity,
    /// What some of its neighbours still take for its newest record.
    pub(super) before: Option<Record>,
    pub(super) ip: Ipv4Addr,
    pub(super) manner: Manner,
    pub(super) state: State,
}

/// What decides a node's record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Birth {
    pub(super) seed: u64,
    pub(super) number: u32,
    pub(super) ip: Ipv4Addr,
    pub(super) port: u16,
}

impl Member {
    pub(super) fn new(birth: Birth) -> Result<Self, RecordError> {
        let identity = identity(birth, 1)?;
        let manner = Manner::of(birth.number);
        Ok(Self { identity, before: None, ip: birth.ip, manner, state: State::Alive })
    }

    pub(super) fn id(&self) -> NodeId {
        self.identity.id()
    }

    pub(super) fn record(&self) -> &Record {
        self.identity.record()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.state == State::Alive
    }

    /// Takes a newer record, maybe at another address.
    pub(super) fn renew(&mut self, birth: Birth) -> Result<(), RecordError> {
        let before = self.record().clone();
        self.identity = identity(birth, before.seq() + 1)?;
        self.ip = birth.ip;
        self.before = Some(before);
        Ok(())
    }
}

/// Makes many nodes at once: signing takes most of a large network's start.
pub(super) fn make(births: &[Birth]) -> Result<Vec<Member>, RecordError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = births.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let made: Vec<_> = births
            .chunks(share)
            .map(|births| scope.spawn(|| births.iter().copied().map(Member::new).collect::<Result<Vec<_>, _>>()))
            .collect();
        let mut members = Vec::with_capacity(births.len());
        for made in made {
            // A panic in there is a panic in here.
            members.extend(made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(members)
    })
}

fn identity(Birth { seed, number, ip, port }: Birth, seq: u64) -> Result<Identity, RecordError> {
    let name = Manner::of(number).name();
    let mut client = Vec::new();
    alloy_rlp::encode_list::<_, str>(&[name, "v1.2.3"], &mut client);
    let text = |bytes: &[u8]| {
        let mut rlp = Vec::with_capacity(bytes.len() + 1);
        bytes.encode(&mut rlp);
        rlp
    };
    let mut pairs: Vec<(&[u8], Vec<u8>)> =
        vec![(b"ip", text(&ip.octets())), (b"tcp", alloy_rlp::encode(port)), (b"udp", alloy_rlp::encode(port))];
    // Records are of several sizes, as real ones are: how many fit into a packet is not the same for all.
    if !number.is_multiple_of(3) {
        pairs.push((b"eth2", text(&ETH2)));
        pairs.push((b"attnets", text(&u64::from(number).to_le_bytes())));
    }
    if number.is_multiple_of(2) {
        pairs.push((b"client", client));
    }
    if number.is_multiple_of(5) {
        pairs.push((b"quic", alloy_rlp::encode(9001_u16)));
        pairs.push((b"syncnets", text(&[15])));
    }
    Identity::new(secret(seed, number), seq, &pairs)
}

fn secret(seed: u64, number: u32) -> SecretKey {
    let mut hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(number.to_le_bytes()).finalize();
    loop {
        // Of all 32-byte strings, about one in 2^128 is no key.
        if let Ok(secret) = SecretKey::from_secret_bytes(hash.into()) {
            return secret;
        }
        hash = Sha256::digest(hash);
    }
}
