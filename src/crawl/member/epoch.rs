//! The beginning and the end of an epoch in the parts that a member owns.

use super::{Member, Part};
use crate::crawl::{
    delegator::Kind,
    freshness::Verdict,
    ingestor::Moment,
    node::{Entry, Gone, Node},
    store::Change,
};

impl Member<'_> {
    /// Makes work of every node of a part that was not checked in this epoch, and of every candidate that is due.
    pub(super) fn begin(&mut self, number: u8) {
        let (now, clock) = (self.now(), self.clock());
        let fresh = self.epoch == self.standing.began;
        let Some(part) = self.parts.get_mut(&number) else { return };
        part.epoch = now.epoch;
        for id in part.ids() {
            let Some(entry) = part.touch(id) else { continue };
            let due = clock + self.plan.spread(id, self.epoch > self.standing.began);
            match entry {
                Entry::Live(node) if node.checked < now.epoch => self.work.put((Kind::Ping, id), due),
                Entry::Live(node) if self.plan.drains(node, &self.standing, now) => {
                    self.work.put((Kind::Neighbours, id), due);
                }
                Entry::Live(_) => {}
                Entry::Candidate(candidate) => {
                    candidate.refused = self.reach.address(&candidate.enr).is_none();
                    // A crawl that begins asks everybody once.
                    let is_due = candidate.next <= now.epoch || (fresh && candidate.asked < now.epoch);
                    if is_due && candidate.asked < now.epoch && !candidate.refused {
                        self.work.put((Kind::Record, id), due);
                    }
                }
            }
        }
        for record in self.bootnodes.clone() {
            self.hear(record, number);
        }
    }

    /// Counts the end of the epoch, for every node of every part.
    pub(super) fn track(&mut self) {
        let now = self.now();
        for part in self.parts.values_mut() {
            track(part, self.plan, now);
        }
    }
}

fn track(part: &mut Part, plan: &super::Plan, now: Moment) {
    let mut live = 0;
    for id in part.ids() {
        match part.touch(id) {
            Some(Entry::Live(node)) => {
                if node.tracked >= now.epoch {
                    live += 1;
                    continue;
                }
                let verdict = plan.ladder.close(node, now.epoch);
                let gone = (verdict == Verdict::Leaves).then(|| node.as_ref().clone());
                let Some(entry) = part.change(id) else { continue };
                let Some(node) = gone else {
                    live += 1;
                    continue;
                };
                entry.leave(now);
                part.also(id, Change::Session(session(&node)));
                part.also(id, Change::Event(super::note::event("gone", &node.enr, now)));
                part.count_of(id, "left", 1);
                let gone = Gone { gone_at: now.at, node };
                if let Ok(json) = serde_json::to_string(&gone) {
                    part.also(id, Change::Gone(id, json));
                }
            }
            Some(Entry::Candidate(candidate)) => {
                let unheard = now.at.saturating_sub(candidate.heard_at);
                // Who has not had its turn yet gets it first; whose address is refused will never have one.
                let had_its_turn = candidate.tries > 0 || candidate.refused;
                if had_its_turn && u128::from(unheard) > plan.forget.as_millis() {
                    part.forget(id);
                    part.count_of(id, "forgotten", 1);
                }
            }
            None => {}
        }
    }
    if part.tracked < now.epoch {
        part.count("live", live);
    }
    part.tracked = now.epoch;
}

/// How long it had been a member, in minutes, rounded down to a power of two.
fn session(node: &Node) -> u64 {
    let minutes = node.last_seen.saturating_sub(node.up_since) / 60_000;
    if minutes == 0 { 0 } else { 1 << minutes.ilog2() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ahash::HashMap;

    use super::*;
    use crate::crawl::{Candidate, Ladder, Plan, samples::candidate};

    fn plan(forget: Duration) -> Plan {
        Plan {
            network: None,
            root: None,
            shards: 1,
            epochs: 0,
            epoch: Duration::from_secs(1),
            ladder: Ladder { percent: vec![100], threshold: 0 },
            drain_every: Duration::from_secs(1),
            forget,
            keep: Duration::from_secs(1),
            concurrency: 1,
            request_timeout: Duration::from_secs(1),
            retries: 0,
            max_nodes: 10,
            max_duration: Duration::from_secs(1),
            storage: None,
        }
    }

    #[test]
    fn candidates_that_nobody_names_are_forgotten_once_they_had_their_turn() {
        let now = Moment { at: 1_700_000_000_000, epoch: 5 };
        // Tries, whether its address is refused, how long nobody has named it (ms), whether it stays.
        let table = [
            (1, false, 60_000, true),
            (1, false, 60_001, false),
            (0, false, 60_001, true),
            (0, true, 60_000, true),
            (0, true, 60_001, false),
        ];
        for (tries, refused, unheard, stays) in table {
            let known = Candidate { tries, refused, heard_at: now.at - unheard, ..candidate(1) };
            let id = known.enr.id();
            let entries = HashMap::from_iter([(id, Entry::Candidate(known))]);
            let mut part = Part::new(0, 1, now.epoch, 0, entries);
            track(&mut part, &plan(Duration::from_mins(1)), now);
            assert_eq!(part.get(id).is_some(), stays, "{tries} {refused} {unheard}");
        }
    }
}
