//! Nodes for tests: the same each time.

use secp256k1::SecretKey;

use super::node::{Candidate, Node};
use crate::discv5::Record;

/// A record of the `number`th key with these pairs, each value in RLP.
pub(super) fn record(number: u8, pairs: &[(&[u8], Vec<u8>)]) -> Record {
    Record::sign(&SecretKey::from_secret_bytes([number.max(1); 32]).expect("a key"), u64::from(number), pairs)
        .expect("a record")
}

/// A record that says what a consensus client's says.
pub(super) fn full_record(number: u8) -> Record {
    let rlp = |bytes: &[u8]| alloy_rlp::encode(bytes);
    let eth2 = [&[0xb5, 0x30, 0x3f, 0x2a], &[6, 0, 0, 0][..], &[0xff; 8]].concat();
    let client: Vec<&[u8]> = vec![b"Lighthouse", b"v7.0.1"];
    let mut words = Vec::new();
    alloy_rlp::encode_list::<_, [u8]>(&client, &mut words);
    record(
        number,
        &[
            (b"client", words),
            (b"eth2", rlp(&eth2)),
            (b"ip", rlp(&[203, 0, 113, number])),
            (b"tcp", alloy_rlp::encode(9000_u16)),
            (b"udp", alloy_rlp::encode(9001_u16)),
        ],
    )
}

/// A member of the live set with this freshness.
pub(super) fn node(number: u8, freshness: u32) -> Node {
    Node {
        enr: full_record(number),
        heard: None,
        address: None,
        first_seen: 1_700_000_000_123,
        up_since: 1_700_000_000_123,
        last_seen: 1_700_000_060_000,
        last_checked: 1_700_000_061_999,
        drained_at: 0,
        freshness,
        missed: 0,
        rtt_us: 1234,
        checked: 3,
        answered: 3,
        tracked: 2,
        curve: vec![1, 2, freshness],
    }
}

/// One that was only heard of.
pub(super) fn candidate(number: u8) -> Candidate {
    Candidate::new(full_record(number), 1_700_000_000_000, 2)
}
