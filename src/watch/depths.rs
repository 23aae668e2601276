//! How many jobs stand where, in one shard.

use super::{Watch, store::script};
use crate::{broker::BrokerError, job::Shard};

/// What one shard holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Depths {
    /// Per pool, in the order asked for.
    pub(super) pools: Vec<Depth>,
    /// Per sanjer, in the order asked for: jobs that it holds.
    pub(super) held: Vec<u64>,
    /// Finished jobs that can be read, in the order of [`super::ENDS`].
    pub(super) kept: Vec<u64>,
    /// Counters and their values.
    pub(super) counters: Vec<(String, u64)>,
}

/// One pool in one shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Depth {
    /// Waiting for a slot.
    pub(super) queued: u64,
    /// Waiting for a process of their own.
    pub(super) alone: u64,
    /// Waiting for a time.
    pub(super) delayed: u64,
    /// Of those, whose time has come.
    pub(super) due: u64,
    /// Since when the oldest waits, ms since 1970.
    pub(super) oldest_ms: Option<u64>,
}

impl Watch {
    pub(super) async fn depths(&self, shard: Shard, pools: &[&str], sanjers: &[&str]) -> Result<Depths, BrokerError> {
        let answer: Vec<String> = self
            .script(script!("depths"), shard, |cmd| {
                cmd.arg(self.queue.window_ms()).arg(pools.len()).arg(pools).arg(sanjers);
            })
            .await?;
        Ok(read(&answer, pools.len(), sanjers.len()))
    }
}

fn read(answer: &[String], pools: usize, sanjers: usize) -> Depths {
    let mut texts = answer.iter();
    let mut numbers = |n: usize| -> Vec<Option<u64>> { texts.by_ref().take(n).map(|text| text.parse().ok()).collect() };
    let depth = |five: &[Option<u64>]| match five {
        [queued, alone, delayed, due, oldest_ms] => Depth {
            queued: queued.unwrap_or(0),
            alone: alone.unwrap_or(0),
            delayed: delayed.unwrap_or(0),
            due: due.unwrap_or(0),
            oldest_ms: *oldest_ms,
        },
        _ => Depth::default(),
    };
    let known = |numbers: Vec<Option<u64>>| numbers.into_iter().map(|number| number.unwrap_or(0)).collect();
    let pools = numbers(5 * pools).chunks(5).map(depth).collect();
    let (held, kept) = (known(numbers(sanjers)), known(numbers(super::ENDS.len())));
    let rest: Vec<_> = texts.collect();
    let counter = |pair: &[&String]| match pair {
        [name, value] => Some(((*name).clone(), value.parse().ok()?)),
        _ => None,
    };
    Depths { pools, held, kept, counters: rest.chunks(2).filter_map(counter).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_parted() {
        let texts = "3 1 2 1 -1 0 0 0 0 17 5 6 1 2 3 4 5 refused_writes 9".split(' ');
        let texts: Vec<String> = texts.map(str::to_owned).collect();
        let depths = read(&texts, 2, 2);
        assert_eq!(depths.pools[0], Depth { queued: 3, alone: 1, delayed: 2, due: 1, oldest_ms: None });
        assert_eq!(depths.pools[1].oldest_ms, Some(17));
        assert_eq!((depths.held, depths.kept), (vec![5, 6], vec![1, 2, 3, 4, 5]));
        assert_eq!(depths.counters, [("refused_writes".to_owned(), 9)]);
        assert_eq!(read(&[], 1, 1).pools, []);
    }
}
