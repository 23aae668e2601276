//! How soon work went on after an act: from the act to the next run of the jobs that it struck.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    acts::Kind,
    evidence::Strike,
    history::{Move, Moves},
};
use crate::job::Status;

/// How much later than the death of its sender a claim may reach Redis.
const ON_ITS_WAY: i64 = 200;

/// How long a sanjer that wakes up may take to learn that its lease has run out, and to give its jobs back.
const TOLD_LATE: i64 = 1000;

/// How soon work went on after acts of one kind.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// How many acts there were.
    pub acts: u64,
    /// Jobs that ran again because of them; for Redis and the API: acts after which work went on.
    pub recovered: u64,
    /// From the act to the job running again, in milliseconds; for redis to the next claim of any job, for a stalled
    /// API to the next accepted post.
    pub p50_ms: Option<i64>,
    /// The same, for all but one in a hundred.
    pub p99_ms: Option<i64>,
    /// The longest.
    pub max_ms: Option<i64>,
}

/// How soon work went on, by kind.
pub(super) fn recoveries(strikes: &[Strike], moves: &Moves, posts_ms: &[i64]) -> BTreeMap<Kind, Recovery> {
    let mut times: BTreeMap<Kind, (u64, Vec<i64>)> = BTreeMap::new();
    let mut claims: Vec<i64> =
        moves.values().flatten().filter(|one| one.status == Status::Running).map(|one| one.at_ms).collect();
    claims.sort_unstable();
    for strike in strikes {
        let (acts, waits) = times.entry(strike.kind).or_default();
        *acts += 1;
        match strike.kind {
            Kind::Redis | Kind::StalledRedis => {
                let next = claims.partition_point(|at| *at <= strike.at_ms);
                waits.extend(claims.get(next).map(|at| at - strike.at_ms));
            }
            Kind::StalledApi => {
                waits.extend(posts_ms.iter().filter(|at| **at > strike.at_ms).min().map(|at| at - strike.at_ms));
            }
            _ => waits.extend(moves.values().filter_map(|moves| ran_again(strike, moves))),
        }
    }
    times.into_iter().map(|(kind, (acts, waits))| (kind, recovery(acts, waits))).collect()
}

/// How long after the strike a job ran again that one of the struck sanjers held.
fn ran_again(strike: &Strike, moves: &[Move]) -> Option<i64> {
    let is_held = |claim: &Move, next: &Move| {
        claim.sanjer.is_some_and(|pid| strike.sanjers.contains(&pid))
            && claim.at_ms <= strike.at_ms + ON_ITS_WAY
            && next.at_ms >= strike.at_ms
    };
    let held = moves.windows(2).position(|pair| matches!(pair, [claim, next] if is_held(claim, next)))?;
    let mut after = moves.get(held + 1..)?.iter();
    let given_back = after.next()?;
    // What went on in time is not to blame for what happens to its jobs later.
    let is_late = strike.until_ms.is_some_and(|until| given_back.at_ms > until + TOLD_LATE);
    if given_back.status != Status::Queued || is_late {
        return None;
    }
    after.find(|one| one.status == Status::Running).map(|again| again.at_ms - strike.at_ms)
}

fn recovery(acts: u64, mut waits: Vec<i64>) -> Recovery {
    waits.sort_unstable();
    Recovery {
        acts,
        recovered: waits.len() as u64,
        p50_ms: percentile(&waits, 50),
        p99_ms: percentile(&waits, 99),
        max_ms: waits.last().copied(),
    }
}

/// The smallest value that is not below so many per cent of all (the nearest rank).
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobId, Shard};

    fn moves(told: &[(Status, u64, i64, Option<u32>)]) -> Vec<Move> {
        told.iter().map(|&(status, lease, at_ms, sanjer)| Move { status, lease, at_ms, sanjer }).collect()
    }

    #[test]
    fn recoveries_are_measured_from_the_strike_to_the_next_run() {
        let (queued, running, retrying) = (Status::Queued, Status::Running, Status::Retrying);
        for (told, expected) in [
            (vec![(running, 1, 1000, Some(7)), (queued, 1, 2050, None), (running, 2, 2100, Some(8))], Some(100)),
            // The claim was on its way when the sanjer died.
            (vec![(running, 1, 2001, Some(7)), (queued, 1, 2050, None), (running, 2, 2070, Some(8))], Some(70)),
            // It was somebody else's.
            (vec![(running, 1, 1000, Some(9)), (queued, 1, 2050, None), (running, 2, 2100, Some(8))], None),
            // Given back before the strike.
            (vec![(running, 1, 1000, Some(7)), (queued, 1, 1500, None), (running, 2, 2100, Some(8))], None),
            // Its end was on its way.
            (vec![(running, 1, 1000, Some(7)), (retrying, 1, 2001, None), (running, 2, 2900, Some(8))], None),
            (vec![(running, 1, 1000, Some(7)), (Status::Succeeded, 1, 2001, None)], None),
            // It never ran again.
            (vec![(running, 1, 1000, Some(7)), (queued, 1, 2050, None)], None),
        ] {
            let strike = Strike { kind: Kind::Sanjer, at_ms: 2000, until_ms: None, sanjers: vec![6, 7] };
            assert_eq!(ran_again(&strike, &moves(&told)), expected, "{told:?}");
        }
        for (given_back, expected) in [(4500, Some(2600)), (6500, None)] {
            let told =
                [(running, 1, 1000, Some(7)), (queued, 1, given_back, None), (running, 2, given_back + 100, None)];
            let strike = Strike { kind: Kind::StalledSanjer, at_ms: 2000, until_ms: Some(5000), sanjers: vec![7] };
            assert_eq!(ran_again(&strike, &moves(&told)), expected, "given back at {given_back}");
        }
    }

    #[test]
    fn redis_has_recovered_when_a_job_is_claimed_and_the_api_when_a_post_is_accepted() {
        let all = Moves::from([(JobId::new(Shard(0)), moves(&[(Status::Running, 1, 1010, Some(7))]))]);
        let strikes = [950, 2000].map(|at_ms| Strike { kind: Kind::Redis, at_ms, until_ms: None, sanjers: vec![] });
        let expected = Recovery { acts: 2, recovered: 1, p50_ms: Some(60), p99_ms: Some(60), max_ms: Some(60) };
        assert_eq!(recoveries(&strikes, &all, &[])[&Kind::Redis], expected);
        let stall = Strike { kind: Kind::StalledApi, at_ms: 2000, until_ms: None, sanjers: vec![] };
        assert_eq!(recoveries(&[stall], &all, &[1900, 2300, 2400])[&Kind::StalledApi].p50_ms, Some(300));
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<i64> = (1..=100).collect();
        for (values, percent, expected) in [
            (hundred.as_slice(), 50, Some(50)),
            (&hundred, 99, Some(99)),
            (&[5], 50, Some(5)),
            (&[5], 99, Some(5)),
            (&[1, 2, 3], 50, Some(2)),
            (&[1, 2], 99, Some(2)),
            (&[], 99, None),
        ] {
            assert_eq!(percentile(values, percent), expected, "{} values, {percent}", values.len());
        }
    }
}
