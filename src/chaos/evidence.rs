//! All that is known when a rehearsal is over, and what can be said of it without judging.

use std::collections::{HashMap, HashSet};

use super::{
    acts::Kind,
    history::{Hash, Move, Moves},
    load::Posts,
};
use crate::{config::Durability, job::JobId};

/// All that is known at the end.
#[derive(Default)]
pub(super) struct Evidence {
    /// What became of the posts.
    pub(super) posts: Posts,
    /// The load began and ended then, in milliseconds since 1970.
    pub(super) load_ms: (i64, i64),
    /// How long Redis may hold back what it has answered, in milliseconds.
    pub(super) held_back_ms: i64,
    /// What was struck.
    pub(super) strikes: Vec<Strike>,
    /// What happened to the jobs.
    pub(super) moves: Moves,
    /// The hashes of all accepted jobs.
    pub(super) hashes: HashMap<JobId, Hash>,
    /// Every job there is.
    pub(super) all: HashSet<JobId>,
    /// Processes that ended although nobody struck them, and panics.
    pub(super) by_itself: Vec<String>,
}

/// How long Redis may hold back what it has answered, in milliseconds. With `appendfsync everysec` it does not write to
/// its append-only file while the fsync of an earlier write is under way on another thread, for up to two seconds, and
/// answers nevertheless; what has not been written dies with the process.
pub(super) const fn held_back_ms(durability: Durability) -> i64 {
    match durability {
        Durability::Everysec => 2000,
        Durability::Always | Durability::Replicated => 0,
    }
}

/// An act that was done.
#[derive(Clone, Debug)]
pub(super) struct Strike {
    /// What it struck.
    pub(super) kind: Kind,
    /// When, in milliseconds since 1970 by the clock of Redis.
    pub(super) at_ms: i64,
    /// When what stood still went on, by the same clock.
    pub(super) until_ms: Option<i64>,
    /// The sanjers that died of it, or stood still.
    pub(super) sanjers: Vec<u32>,
}

impl Evidence {
    /// The longest time within the load in which no post was accepted, in milliseconds.
    pub(super) fn longest_silence(&self) -> i64 {
        let (begin, end) = self.load_ms;
        let mut times: Vec<i64> = self.posts.accepted.iter().map(|accepted| accepted.at_ms).collect();
        times.retain(|at| (begin..end).contains(at));
        times.extend([begin, end]);
        times.sort_unstable();
        times.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).max().unwrap_or(0)
    }

    /// How many of a job's processes were killed, each by itself.
    pub(super) fn kills_of(&self, moves: &[Move]) -> u64 {
        let struck = |pid| self.strikes.iter().any(|one| one.kind == Kind::Sanjer && one.sanjers.contains(&pid));
        moves.iter().filter(|one| one.sanjer.is_some_and(struck)).count() as u64
    }

    /// How Redis may have lost what it answered within this time, if it was killed soon enough afterwards.
    pub(super) fn may_be_lost(&self, from_ms: i64, to_ms: i64) -> Option<String> {
        if self.held_back_ms == 0 {
            return None;
        }
        let kills = self.strikes.iter().filter(|strike| strike.kind == Kind::Redis && strike.at_ms >= from_ms);
        let soon = |kill: &i64| kill - to_ms - self.stalled(to_ms, *kill) <= self.held_back_ms;
        let kill = kills.map(|strike| strike.at_ms).find(soon)?;
        let before = (kill - to_ms).max(0);
        Some(format!(
            "{before} ms later redis-server was killed, which with appendfsync everysec may hold back what it has \
             answered while the disk is busy"
        ))
    }

    /// How much of this time Redis stood still.
    fn stalled(&self, from_ms: i64, to_ms: i64) -> i64 {
        let stalls = self.strikes.iter().filter(|strike| strike.kind == Kind::StalledRedis);
        let within = stalls.filter_map(|stall| Some(stall.until_ms?.min(to_ms) - stall.at_ms.max(from_ms)));
        within.filter(|ms| *ms > 0).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_may_lose_is_what_it_answered_shortly_before_it_died() {
        let strike = |kind, at_ms, until_ms| Strike { kind, at_ms, until_ms, sanjers: vec![] };
        let kill = strike(Kind::Redis, 10_000, None);
        let stall = strike(Kind::StalledRedis, 7000, Some(9500));
        for (strikes, from, to, lost) in [
            (vec![], 9900, 9950, false),
            (vec![kill.clone()], 9900, 9950, true),
            // The answer was read after the kill, and made before it.
            (vec![kill.clone()], 9900, 10_050, true),
            (vec![kill.clone()], 10_001, 10_050, false),
            (vec![kill.clone()], 7000, 7500, false),
            // Who stands still writes nothing.
            (vec![stall.clone(), kill.clone()], 7000, 7500, true),
            (vec![stall, kill], 5000, 5400, false),
        ] {
            let mut evidence =
                Evidence { strikes, held_back_ms: held_back_ms(Durability::Everysec), ..Evidence::default() };
            assert_eq!(evidence.may_be_lost(from, to).is_some(), lost, "{from}..{to}: {:?}", evidence.strikes);
            evidence.held_back_ms = held_back_ms(Durability::Always);
            assert_eq!(evidence.may_be_lost(from, to), None);
        }
    }
}
