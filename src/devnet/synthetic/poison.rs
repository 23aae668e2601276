//! What hostile peers put into their NODES packets. What they tell of truly stays in there, so that a crawl that is
//! not misled loses nothing.

use rand::{RngExt as _, rngs::SmallRng};

/// Bytes of records that fit into a packet, its head, seal and the rest of its message aside.
const ROOM: usize = 1280 - 104;

/// One way to poison a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Poison {
    /// One more record, whose signature is wrong.
    Signature,
    /// One more record, of an identity scheme that does not exist.
    Scheme,
    /// One more record, which is right but not at an asked distance.
    Distance,
    /// A total of no packets, or of more than there can be.
    Total(u64),
    /// The answer to a question that nobody asked, in place of the packet.
    Request,
    /// An answer that nobody asked for, beside the packet.
    Unsolicited,
}

impl Poison {
    /// One of them.
    pub(super) fn any(rng: &mut SmallRng) -> Self {
        match rng.random_range(0..7) {
            0 => Self::Signature,
            1 => Self::Scheme,
            2 => Self::Distance,
            3 => Self::Total(0),
            4 => Self::Total(255),
            5 => Self::Request,
            _ => Self::Unsolicited,
        }
    }

    /// The record to add, made from one that is not at an asked distance.
    pub(super) fn record(self, elsewhere: &[u8]) -> Option<Vec<u8>> {
        let mut rlp = elsewhere.to_vec();
        match self {
            // The signature follows two headers of two bytes.
            Self::Signature => rlp.get_mut(20).into_iter().for_each(|byte| *byte ^= 1),
            Self::Scheme => {
                let place = rlp.windows(3).position(|three| three == b"\x82v4")?;
                rlp.get_mut(place + 2).into_iter().for_each(|byte| *byte = b'5');
            }
            Self::Distance => {}
            Self::Total(_) | Self::Request | Self::Unsolicited => return None,
        }
        Some(rlp)
    }
}

/// Whether one more record goes into a packet that has these.
pub(super) fn fits(records: &[&[u8]], more: &[u8]) -> bool {
    records.iter().map(|record| record.len()).sum::<usize>() + more.len() < ROOM
}

#[cfg(test)]
mod tests {
    use secp256k1::SecretKey;

    use super::*;
    use crate::discv5::{Record, RecordError};

    #[test]
    fn poisoned_records_are_wrong_in_the_way_they_should_be() {
        let secret = SecretKey::from_secret_bytes([9; 32]).expect("a key");
        let record = Record::sign(&secret, 1, &[(b"udp", alloy_rlp::encode(1_u16))]).expect("a record");
        let table = [
            (Poison::Signature, Some(Err(RecordError::Signature))),
            (Poison::Scheme, Some(Err(RecordError::Scheme))),
            (Poison::Distance, Some(Ok(record.clone()))),
            (Poison::Total(0), None),
            (Poison::Unsolicited, None),
        ];
        for (poison, expected) in table {
            assert_eq!(poison.record(record.rlp()).map(|rlp| Record::decode(&rlp)), expected, "{poison:?}");
        }
    }
}
