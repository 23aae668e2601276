//! How everything stands now: two rounds to Redis, whatever there is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    Totals, Watch,
    depths::Depths,
    sanjers::{FIELDS, SanjerNow, State},
    store::{HERE, script},
};
use crate::broker::BrokerError;

/// Sanjers that are looked at.
const SANJERS: usize = 1000;

/// All queues and sanjers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Now {
    /// When that was by Redis' clock, ms since 1970.
    pub at_ms: u64,
    /// By name.
    pub pools: BTreeMap<String, PoolNow>,
    /// By pool and name.
    pub sanjers: Vec<SanjerNow>,
    /// Finished jobs that can be read, in the order of [`super::ENDS`].
    pub kept: [u64; 5],
    /// Late writes that were refused, over all time.
    pub refused_writes: u64,
    /// Sanjers that died in the last ten minutes.
    pub died_lately: u64,
    /// What was counted over all time.
    pub totals: Totals,
}

/// One pool, on all hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolNow {
    /// Jobs that wait for a slot, suspects among them.
    pub queued: u64,
    /// Of those, suspects.
    pub alone: u64,
    /// Jobs that wait for a time.
    pub delayed: u64,
    /// Of those, jobs whose time has come: nobody has moved them to the queue yet.
    pub due: u64,
    /// Jobs that run.
    pub running: u64,
    /// Since when the oldest waits, ms since 1970.
    pub oldest_ms: Option<u64>,
    /// Jobs that those who serve can run at once.
    pub slots: u64,
    /// Processes by what they do, in the order of [`State::ALL`].
    pub sanjers: [u64; 4],
    /// Processes there should be; `None` if no supervisor says so.
    pub wanted: Option<u64>,
}

/// What a supervisor says.
#[derive(Deserialize)]
struct Supervisor {
    pools: BTreeMap<String, u64>,
}

type Who = (u64, Vec<String>, Vec<String>, Vec<String>, u64);

impl PoolNow {
    /// Processes that do this.
    pub fn of(&self, state: State) -> u64 {
        State::ALL.into_iter().zip(self.sanjers).find(|(known, _)| *known == state).map_or(0, |(_, n)| n)
    }

    /// Processes that serve, or would if they were not quiet; and those that retire, as far as nobody has taken their
    /// place yet.
    pub fn alive(&self) -> u64 {
        let there = self.of(State::Serving) + self.of(State::Quiet);
        there.max(self.wanted.unwrap_or(0).min(there + self.of(State::Retiring)))
    }
}

impl Watch {
    /// How everything stands; of this pool too, should nobody else name it.
    pub async fn now(&self, also: Option<&str>) -> Result<Now, BrokerError> {
        let (at_ms, sanjers, supervisors, totals, died_lately): Who = self
            .script(script!("who"), HERE, |cmd| {
                cmd.arg(SANJERS).arg(&FIELDS);
            })
            .await?;
        let sanjers = sanjers.chunks(1 + FIELDS.len()).filter_map(|said| {
            let (name, values) = said.split_first()?;
            SanjerNow::read(name, values)
        });
        let mut now = Now { at_ms, sanjers: sanjers.collect(), died_lately, ..Now::default() };
        now.sanjers.sort_by(|a, b| (&a.pool, &a.name).cmp(&(&b.pool, &b.name)));
        let supervisors: Vec<Supervisor> =
            supervisors.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        let mut totals = totals.chunks(2).filter_map(|pair| match pair {
            [field, value] => Some((field.as_str(), value.parse().ok()?)),
            _ => None,
        });
        totals.by_ref().for_each(|(field, value)| now.totals.take_in(field, value));

        let mut names: BTreeSet<&str> = self.pools.iter().map(String::as_str).chain(also).collect();
        names.extend(now.sanjers.iter().map(|sanjer| sanjer.pool.as_str()));
        names.extend(supervisors.iter().flat_map(|supervisor| supervisor.pools.keys()).map(String::as_str));
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let who: Vec<String> = now.sanjers.iter().map(|sanjer| sanjer.name.clone()).collect();
        let (pools, who): (Vec<&str>, Vec<&str>) =
            (names.iter().map(String::as_str).collect(), who.iter().map(String::as_str).collect());
        now.pools = names.iter().map(|name| (name.clone(), PoolNow::default())).collect();
        let shards = self.queue.shards().map(|shard| self.depths(shard, &pools, &who));
        for depths in futures_util::future::try_join_all(shards).await? {
            now.take_in(&depths);
        }
        now.count_sanjers(&supervisors);
        Ok(now)
    }
}

impl Now {
    fn take_in(&mut self, depths: &Depths) {
        // Both in the order of their names.
        for (pool, depth) in self.pools.values_mut().zip(&depths.pools) {
            pool.queued += depth.queued + depth.alone;
            pool.alone += depth.alone;
            pool.delayed += depth.delayed;
            pool.due += depth.due;
            pool.oldest_ms = [pool.oldest_ms, depth.oldest_ms].into_iter().flatten().min();
        }
        self.sanjers.iter_mut().zip(&depths.held).for_each(|(sanjer, held)| sanjer.running += held);
        self.kept.iter_mut().zip(&depths.kept).for_each(|(kept, more)| *kept += more);
        for (field, value) in &depths.counters {
            self.totals.take_in(field, *value);
            if field == "refused_writes" {
                self.refused_writes += value;
            }
        }
    }

    fn count_sanjers(&mut self, supervisors: &[Supervisor]) {
        for sanjer in &self.sanjers {
            let Some(pool) = self.pools.get_mut(&sanjer.pool) else { continue };
            pool.running += sanjer.running;
            let states = State::ALL.into_iter().zip(&mut pool.sanjers);
            states.filter(|(state, _)| *state == sanjer.state).for_each(|(_, n)| *n += 1);
            if sanjer.state == State::Serving {
                pool.slots += sanjer.slots;
            }
        }
        for (name, processes) in supervisors.iter().flat_map(|supervisor| &supervisor.pools) {
            if let Some(pool) = self.pools.get_mut(name) {
                *pool.wanted.get_or_insert(0) += processes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_retires_counts_until_somebody_has_its_place() {
        for (sanjers, wanted, alive) in [
            ([2, 1, 0, 0], Some(2), 2),
            ([1, 1, 1, 0], Some(2), 2),
            ([2, 0, 0, 1], Some(2), 2),
            ([1, 0, 0, 1], Some(2), 2),
            ([1, 1, 0, 0], Some(2), 1),
            ([0, 0, 0, 3], None, 0),
            ([3, 0, 0, 0], None, 3),
        ] {
            let pool = PoolNow { sanjers, wanted, ..PoolNow::default() };
            assert_eq!(pool.alive(), alive, "{sanjers:?}");
        }
    }
}
