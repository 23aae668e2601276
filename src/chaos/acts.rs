//! What is done to the collector, and when: everything that follows from a seed.
//!
//! Kinds are dealt from a shuffled deck, so that a run that is long enough sees every kind and none comes too often.

use std::{fmt, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::Serialize;

/// How long a host stays away, in milliseconds.
const AWAY_MS: std::ops::Range<u64> = 200..2000;
/// The shortest stall, in milliseconds.
const SHORTEST_STALL_MS: u64 = 200;

/// What an act strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `kill -9` of a sanjer.
    Sanjer,
    /// `kill -9` of the supervisor of a host without an API.
    Supervisor,
    /// `kill -9` of `collector up`: the API and a supervisor.
    Api,
    /// `kill -9` of a supervisor and all its sanjers at once: what the loss of a machine looks like to the others.
    Host,
    /// `kill -9` of redis-server.
    Redis,
    /// A sanjer stands still; often longer than its lease.
    StalledSanjer,
    /// `collector up` stands still.
    StalledApi,
    /// redis-server stands still.
    StalledRedis,
}

/// One act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// When, counted from the beginning of the load.
    pub at: Duration,
    /// What it strikes.
    pub kind: Kind,
    /// Which of those there are then, modulo their number.
    pub pick: usize,
    /// How long it lasts: a stall, or the absence of a host.
    pub lasts: Duration,
}

/// What there is to strike, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// The time between two acts, on average.
    pub every: Duration,
    /// Hosts, the one with the API included.
    pub hosts: u16,
    /// Whether Redis may be struck: only one of our own.
    pub redis: bool,
    /// How long a sanjer may be silent.
    pub lease: Duration,
}

impl Kind {
    /// What it is called on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sanjer => "sanjer",
            Self::Supervisor => "supervisor",
            Self::Api => "API and supervisor",
            Self::Host => "whole host",
            Self::Redis => "redis",
            Self::StalledSanjer => "stalled sanjer",
            Self::StalledApi => "stalled API",
            Self::StalledRedis => "stalled redis",
        }
    }

    /// Whether what is struck goes on afterwards, by itself.
    pub(super) const fn is_stall(self) -> bool {
        matches!(self, Self::StalledSanjer | Self::StalledApi | Self::StalledRedis)
    }

    /// How often it is in the deck.
    const fn weight(self, targets: Targets) -> usize {
        match self {
            Self::Sanjer => 3,
            Self::Supervisor if targets.hosts < 2 => 0,
            Self::Redis | Self::StalledRedis if !targets.redis => 0,
            _ => 1,
        }
    }

    fn lasts(self, lease: Duration, random: &mut StdRng) -> Duration {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX / 2);
        let longest = match self {
            // The supervisor starts another one, and so does `up` a redis-server.
            Self::Sanjer | Self::Redis => return Duration::ZERO,
            Self::Supervisor | Self::Api | Self::Host => return Duration::from_millis(random.random_range(AWAY_MS)),
            // Long enough to be declared dead, and to wake up afterwards.
            Self::StalledSanjer => 2 * lease_ms,
            Self::StalledApi | Self::StalledRedis => lease_ms,
        };
        Duration::from_millis(random.random_range(SHORTEST_STALL_MS..longest.max(SHORTEST_STALL_MS + 1)))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The acts of a seed, in their order. A longer run begins with the acts of a shorter one.
pub fn acts(seed: u64, duration: Duration, targets: Targets) -> Vec<Act> {
    const KINDS: [Kind; 8] = [
        Kind::Sanjer,
        Kind::Supervisor,
        Kind::Api,
        Kind::Host,
        Kind::Redis,
        Kind::StalledSanjer,
        Kind::StalledApi,
        Kind::StalledRedis,
    ];
    let mut random = StdRng::seed_from_u64(seed);
    let mut deck = Vec::new();
    let mut acts = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        at += targets.every.mul_f64(random.random_range(0.3..1.7));
        if at >= duration {
            return acts;
        }
        if deck.is_empty() {
            deck.extend(KINDS.iter().flat_map(|kind| std::iter::repeat_n(*kind, kind.weight(targets))));
            deck.shuffle(&mut random);
        }
        // A deck always has sanjers.
        let kind = deck.pop().unwrap_or(Kind::Sanjer);
        let pick = random.random_range(0..1_000_000);
        acts.push(Act { at, kind, pick, lasts: kind.lasts(targets.lease, &mut random) });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: Targets =
        Targets { every: Duration::from_millis(1200), hosts: 2, redis: true, lease: Duration::from_secs(3) };

    #[test]
    fn a_seed_means_the_same_acts_every_time() {
        let minute = Duration::from_mins(1);
        let long = acts(7, minute, ALL);
        assert_eq!(long, acts(7, minute, ALL));
        assert_ne!(long, acts(8, minute, ALL));
        let short = acts(7, Duration::from_secs(10), ALL);
        assert!(!short.is_empty() && long.starts_with(&short));
    }

    #[test]
    fn acts_come_in_order_and_in_time() {
        for seed in 0..50 {
            let acts = acts(seed, Duration::from_secs(30), ALL);
            assert!(acts.is_sorted_by_key(|act| act.at), "{seed}");
            assert!(acts.iter().all(|act| act.at < Duration::from_secs(30)), "{seed}");
            assert!((15..75).contains(&acts.len()), "{seed}: {}", acts.len());
            let kinds: BTreeSet<Kind> = acts.iter().map(|act| act.kind).collect();
            assert_eq!(kinds.len(), 8, "{seed}: a run of 30 s sees every kind");
        }
    }

    #[test]
    fn they_come_as_often_as_asked() {
        for (seconds, expected) in [(1, 50..70), (10, 4..9)] {
            let acts = acts(5, Duration::from_mins(1), Targets { every: Duration::from_secs(seconds), ..ALL });
            assert!(expected.contains(&acts.len()), "every {seconds} s: {}", acts.len());
        }
    }

    #[test]
    fn what_is_not_there_is_not_struck() {
        for (targets, absent) in [
            (Targets { redis: false, ..ALL }, [Kind::Redis, Kind::StalledRedis].as_slice()),
            (Targets { hosts: 1, ..ALL }, &[Kind::Supervisor]),
        ] {
            let acts = acts(1, Duration::from_mins(2), targets);
            assert!(acts.iter().all(|act| !absent.contains(&act.kind)), "{targets:?}");
        }
    }

    #[test]
    fn some_sanjers_stand_still_longer_than_their_lease() {
        let acts = acts(3, Duration::from_mins(5), ALL);
        let stalls = acts.iter().filter(|act| act.kind == Kind::StalledSanjer);
        let (long, short): (Vec<Act>, Vec<Act>) = stalls.copied().partition(|act| act.lasts > ALL.lease);
        assert!(!long.is_empty() && !short.is_empty());
    }
}
