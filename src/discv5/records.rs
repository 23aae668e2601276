//! Every distinct record is verified once, however many neighbours tell of it: a signature costs more than everything
//! else that a record needs.

use std::collections::VecDeque;

use ahash::HashSet;

use super::record::{MAX_SIZE, Record, RecordError};

/// How many records are looked at to find one to forget.
const LOOKED_AT: usize = 8;

/// The records seen so far, by their exact bytes. Bounded: who is asked to remember more forgets a record that nobody
/// else holds, or does not remember the new one.
#[derive(Debug)]
pub struct Records {
    good: HashSet<Record>,
    /// The same records, oldest first.
    order: VecDeque<Record>,
    /// What cost a verification for nothing.
    bad: HashSet<Box<[u8]>>,
    bad_order: VecDeque<Box<[u8]>>,
    capacity: usize,
    verified: u64,
}

impl Records {
    /// Remembers at most `capacity` good records, and as many bad ones as a sixteenth of that.
    pub fn new(capacity: usize) -> Self {
        Self {
            good: HashSet::default(),
            order: VecDeque::new(),
            bad: HashSet::default(),
            bad_order: VecDeque::new(),
            capacity: capacity.max(1),
            verified: 0,
        }
    }

    /// The record that these bytes are.
    pub fn verify(&mut self, rlp: &[u8]) -> Result<Record, RecordError> {
        if let Some(record) = self.good.get(rlp) {
            return Ok(record.clone());
        }
        if rlp.len() > MAX_SIZE {
            return Err(RecordError::TooLong);
        }
        if self.bad.contains(rlp) {
            return Err(RecordError::Signature);
        }
        self.verified += 1;
        match Record::decode(rlp) {
            Ok(record) => {
                self.remember(record.clone());
                Ok(record)
            }
            Err(error) => {
                // Every other error is found before the costly part.
                if error == RecordError::Signature {
                    self.remember_bad(rlp);
                }
                Err(error)
            }
        }
    }

    /// How many records were decoded because they were not known.
    pub fn verified(&self) -> u64 {
        self.verified
    }

    fn remember(&mut self, record: Record) {
        if self.order.len() >= self.capacity && !self.forget_one() {
            return;
        }
        self.order.push_back(record.clone());
        self.good.insert(record);
    }

    /// Forgets an old record that nobody holds, if one of the oldest is such.
    fn forget_one(&mut self) -> bool {
        for _ in 0..LOOKED_AT {
            let Some(oldest) = self.order.pop_front() else { return true };
            // The set and this variable.
            if oldest.is_held_by(2) {
                self.good.remove(&oldest);
                return true;
            }
            self.order.push_back(oldest);
        }
        false
    }

    fn remember_bad(&mut self, rlp: &[u8]) {
        if self.bad_order.len() >= (self.capacity / 16).max(1)
            && let Some(oldest) = self.bad_order.pop_front()
        {
            self.bad.remove(&oldest);
        }
        self.bad_order.push_back(rlp.into());
        self.bad.insert(rlp.into());
    }
}

#[cfg(test)]
mod tests {
    use secp256k1::SecretKey;

    use super::*;

    fn record(seq: u64) -> Record {
        let secret = SecretKey::from_secret_bytes([3; 32]).expect("a key");
        Record::sign(&secret, seq, &[]).expect("a record")
    }

    fn forged(seq: u64) -> Vec<u8> {
        let mut rlp = record(seq).rlp().to_vec();
        rlp[20] ^= 1;
        rlp
    }

    #[test]
    fn each_is_verified_once() {
        let mut records = Records::new(100);
        let (first, forged) = (record(1), forged(1));
        for _ in 0..3 {
            assert_eq!(records.verify(first.rlp()), Ok(first.clone()));
            assert_eq!(records.verify(&forged), Err(RecordError::Signature));
            assert_eq!(records.verify(&[0; MAX_SIZE + 1]), Err(RecordError::TooLong));
        }
        assert_eq!(records.verified(), 2);
        assert_eq!(records.verify(&[0xc0]), Err(RecordError::Rlp));
        assert!(!records.bad.contains([0xc0].as_slice()), "what is cheap to refuse is not remembered");
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_others_hold() {
        let mut records = Records::new(32);
        let held: Vec<Record> = (0..4).map(|seq| records.verify(record(seq).rlp()).expect("a record")).collect();
        for seq in 4..200 {
            records.verify(record(seq).rlp()).expect("a record");
            records.verify(&forged(seq)).expect_err("a forged record");
        }
        assert_eq!((records.good.len(), records.order.len()), (32, 32));
        assert_eq!((records.bad.len(), records.bad_order.len()), (2, 2));
        let before = records.verified();
        for record in &held {
            assert_eq!(records.verify(record.rlp()).as_ref(), Ok(record));
        }
        records.verify(record(199).rlp()).expect("a record");
        assert_eq!(records.verified(), before, "all of them were known");
    }

    #[test]
    fn when_all_are_held_the_new_one_is_not_remembered() {
        let mut records = Records::new(4);
        let held: Vec<Record> = (0..9).map(|seq| records.verify(record(seq).rlp()).expect("a record")).collect();
        assert_eq!(records.good.len(), 4);
        assert_eq!(held.len(), 9);
    }
}
