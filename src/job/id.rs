//! The job id: a UUIDv7 that carries its shard.
//!
//! A UUIDv7 is 48 bits of Unix milliseconds, a version nibble, 12 random bits (`rand_a`), two variant bits and
//! 62 random bits (`rand_b`). The shard stands in the top 10 bits of `rand_b`, so any process can tell from an
//! id alone in which `{etlas:<shard>}` slot everything about the job lies.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bits of `rand_b` that hold the shard.
const SHARD_BITS: u32 = 10;
/// The lowest of those bits, counted from the end of the 128-bit id (`rand_b` is bits 61..=0).
const SHARD_SHIFT: u32 = 62 - SHARD_BITS;
const SHARD_MASK: u128 = (1 << SHARD_BITS) - 1;

/// One slot-aligned part of the key space, `0..shards`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shard(pub u16);

impl Shard {
    /// The most shards there can ever be: what fits into the id.
    pub const MAX: u16 = 1 << SHARD_BITS;
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one job for ever. Orders by time of acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

/// The text is not a job id of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a job id is a UUIDv7 like 0193f5a0-1c2d-7e4f-8a00-0123456789ab")]
pub struct JobIdError;

impl JobId {
    /// A new id, now, in `shard`.
    pub fn new(shard: Shard) -> Self {
        let raw = Uuid::now_v7().as_u128();
        let shard = u128::from(shard.0) & SHARD_MASK;
        Self(Uuid::from_u128(raw & !(SHARD_MASK << SHARD_SHIFT) | shard << SHARD_SHIFT))
    }

    /// When it was made, in milliseconds since 1970.
    pub fn millisecond(self) -> i64 {
        // Of the 48 bits that are left nothing can be lost.
        i64::try_from(self.0.as_u128() >> 80).unwrap_or(i64::MAX)
    }

    /// The shard that holds everything about this job.
    pub fn shard(self) -> Shard {
        // The mask keeps ten bits, so the conversion cannot fail; 0 is what an impossible id would get.
        Shard(u16::try_from(self.0.as_u128() >> SHARD_SHIFT & SHARD_MASK).unwrap_or(0))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl redis::ToRedisArgs for JobId {
    fn write_redis_args<W: redis::RedisWrite + ?Sized>(&self, out: &mut W) {
        out.write_arg(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes());
    }
}

impl FromStr for JobId {
    type Err = JobIdError;

    fn from_str(text: &str) -> Result<Self, JobIdError> {
        // Exactly the form we print: 36 characters. Braces, URNs and the bare 32 digits are other people's.
        if text.len() != 36 {
            return Err(JobIdError);
        }
        let uuid = Uuid::try_parse(text).map_err(|_| JobIdError)?;
        if uuid.get_version_num() != 7 {
            return Err(JobIdError);
        }
        Ok(Self(uuid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_survives_the_text() {
        for shard in [0, 1, 4, 511, Shard::MAX - 1] {
            let id = JobId::new(Shard(shard));
            assert_eq!(id.to_string().parse::<JobId>(), Ok(id));
            assert_eq!(id.shard(), Shard(shard));
        }
    }

    #[test]
    fn ids_order_by_time() {
        let first = JobId::new(Shard(9));
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(first < JobId::new(Shard(0)));
    }

    #[test]
    fn foreign_ids_are_refused() {
        for text in
            ["", "x", "0193f5a0", "c232ab00-9414-11ec-b3c8-9e6bdeced846", "{0193f5a0-1c2d-7e4f-8a00-0123456789ab}"]
        {
            assert_eq!(text.parse::<JobId>(), Err(JobIdError), "{text}");
        }
    }
}
