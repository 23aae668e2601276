//! What the answers mean: the rules of the ingestor applied, and the work that follows from them.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;

use super::{Member, part_of};
use crate::{
    crawl::{
        ask::{Done, Said},
        delegator::{Item, Kind},
        ingestor::{Heard, Moment, Ponged, Told},
        node::{Candidate, Entry},
        part::Part,
        store::Change,
    },
    discv5::{NodeId, Record},
};

impl Member<'_> {
    /// Takes in what came of a work item.
    pub(super) fn note(&mut self, done: Done) {
        let Done { item, address, said, took } = done;
        self.work.done(item, self.alone(address.ip()));
        self.meter.ended(item.0, said.is_some().then_some(took));
        self.done += 1;
        // Another may own its part by now; then that one asks again.
        if self.parts.get(&part_of(item.1)).is_none_or(|part| part.get(item.1).is_none()) {
            return;
        }
        if said.is_some() {
            self.doubted.remove(&item);
        }
        match said {
            Some(Said::Pong { seq, rtt }) => self.ponged(item.1, seq, rtt, address),
            Some(Said::Own { record, rtt }) => self.told(item.1, record, rtt, address),
            Some(Said::Neighbours { records, is_whole }) => self.drained(item.1, records, is_whole),
            None => self.unanswered(item),
        }
    }

    fn ponged(&mut self, id: NodeId, seq: u64, rtt: Duration, address: SocketAddr) {
        let now = self.now();
        let Some(part) = self.parts.get_mut(&part_of(id)) else { return };
        if part.get(id).is_some_and(|entry| entry.live().is_none()) {
            // It left while it was being asked, and is back.
            return self.told(id, None, rtt, address);
        }
        count_answer(part, id, now);
        let Some(entry) = part.change(id) else { return };
        match entry.ponged(seq, micros(rtt), now) {
            Ponged::Rose => self.work.put((Kind::Record, id), self.clock()),
            Ponged::Same => self.drain_if_due(id, now),
            Ponged::Older => {
                part.count_of(id, "older", 1);
                self.drain_if_due(id, now);
            }
        }
    }

    fn told(&mut self, id: NodeId, own: Option<Record>, rtt: Duration, address: SocketAddr) {
        let (now, reach) = (self.now(), self.reach);
        let Some(part) = self.parts.get_mut(&part_of(id)) else { return };
        count_answer(part, id, now);
        let Some(entry) = part.change(id) else { return };
        let told = entry.told(own, micros(rtt), now);
        if let Entry::Live(node) = entry {
            node.address = reach.address(&node.enr).is_none().then_some(address);
        }
        let record = entry.record().clone();
        match told {
            Told::Found => {
                part.count_of(id, "found", 1);
                part.also(id, Change::Event(event("found", &record, now)));
            }
            Told::Updated(before) => {
                part.count_of(id, "updated", 1);
                part.also(id, Change::Event(event("updated", &record, now)));
                let line = json!({ "seq": before.seq(), "enr": before.to_string(), "until": now.at });
                part.also(id, Change::History(id, line.to_string()));
            }
            Told::Older => part.count_of(id, "older", 1),
            Told::Same => {}
        }
        self.drain_if_due(id, now);
    }

    fn drained(&mut self, id: NodeId, records: Vec<Record>, is_whole: bool) {
        let now = self.now();
        // Who left while it was being asked is asked again once it is back; what it told is true all the same.
        if let Some(part) = self.parts.get_mut(&part_of(id))
            && let Some(Entry::Live(node)) = part.change(id)
        {
            node.drained_at = now.at;
            part.count_of(id, "drained", 1);
            part.count_of(id, "edges", records.len() as u64);
            part.count_of(id, "partial", u64::from(!is_whole));
            let ids = records.iter().flat_map(|record| record.id().0).collect();
            part.also(id, Change::Edges(id, ids));
        }
        for record in records {
            self.hear(record, part_of(id));
        }
    }

    fn unanswered(&mut self, item: Item) {
        let now = self.now();
        let (kind, id) = item;
        let Some(part) = self.parts.get_mut(&part_of(id)) else { return };
        match part.touch(id) {
            // Its newest address, which others told of, may be nobody's: the one before gets its chance.
            Some(Entry::Live(node)) if node.answered < now.epoch && node.heard.is_some() => {
                node.heard = None;
                self.work.put(item, self.clock());
            }
            // A packet may be lost on the way, and an outage is counted for a whole epoch: the last try decides, each as
            // long after the one before as an answer may take.
            Some(entry) if self.doubted.get(&item).copied().unwrap_or(0) + 1 < tries(entry) => {
                *self.doubted.entry(item).or_default() += 1;
                let pause = u64::try_from(self.plan.request_timeout.as_millis()).unwrap_or(u64::MAX);
                self.work.put(item, self.clock().saturating_add(pause));
                return;
            }
            // It has answered in this epoch: one question that it did not is no outage.
            Some(Entry::Live(node)) if node.answered >= now.epoch => {
                part.count("undrained", u64::from(kind == Kind::Neighbours));
            }
            Some(_) => {
                part.count_of(id, "silent", 1);
                if let Some(entry) = part.change(id) {
                    entry.silent(now);
                }
            }
            None => {}
        }
        self.doubted.remove(&item);
    }

    /// A node has no address that may be contacted. A member that cannot be checked is as good as silent, or it would be
    /// one for ever.
    pub(super) fn nowhere(&mut self, id: NodeId) {
        let now = self.now();
        let Some(part) = self.parts.get_mut(&part_of(id)) else { return };
        if part.get(id).and_then(Entry::live).is_some_and(|node| node.checked < now.epoch) {
            part.count_of(id, "silent", 1);
            if let Some(entry) = part.change(id) {
                entry.silent(now);
            }
        }
    }

    fn drain_if_due(&mut self, id: NodeId, now: Moment) {
        let node = self.parts.get(&part_of(id)).and_then(|part| part.get(id)?.live());
        if node.is_some_and(|node| self.plan.drains(node, &self.standing, now)) {
            self.work.put((Kind::Neighbours, id), self.clock());
        }
    }

    /// Somebody in the part `by` told of a node.
    pub(super) fn hear(&mut self, record: Record, by: u8) {
        let (id, now, reach) = (record.id(), self.now(), self.reach);
        let room = self.room();
        let Some(part) = self.parts.get_mut(&part_of(id)) else { return self.tell(&record, by) };
        match part.touch(id).map(|entry| entry.hear(record.clone(), now)) {
            Some(Heard::Known | Heard::Noted) => {}
            Some(Heard::Stale) => part.count("stale_copies", 1),
            Some(Heard::Conflicting) => part.count("conflicting", 1),
            Some(Heard::Newer) => {
                if let Some(Entry::Candidate(candidate)) = part.change(id) {
                    candidate.refused = reach.address(&candidate.enr).is_none();
                }
                part.count_of(id, "newer_copies", 1);
                self.work.put((Kind::Record, id), self.clock());
            }
            None if part.len() >= room => self.overflowed = true,
            None => {
                let refused = reach.address(&record).is_none();
                part.insert(id, Entry::Candidate(Candidate { refused, ..Candidate::new(record, now.at, now.epoch) }));
                part.count_of(id, "heard", 1);
                if !refused {
                    self.work.put((Kind::Record, id), self.clock());
                }
            }
        }
    }

    /// Leaves word for the owner of another part, once for each number of a record. It goes with the writes of the part
    /// `by`: if that is lost, so is the asking that led to it, and its next owner asks again.
    pub(super) fn tell(&mut self, record: &Record, by: u8) {
        let (id, seq) = (record.id(), record.seq());
        if self.told.get(&id).is_some_and(|told| *told >= seq) {
            return;
        }
        let Some(part) = self.parts.get_mut(&by) else { return };
        if self.told.len() < self.plan.max_nodes || self.told.contains_key(&id) {
            self.told.insert(id, seq);
        }
        part.tell(part_of(id), record);
    }

    /// Nodes that one part may have, so that all of them keep to the limit.
    fn room(&self) -> usize {
        let ours: usize = self.parts.values().map(Part::len).sum();
        let most = self.plan.max_nodes * self.parts.len() / usize::from(crate::crawl::store::PARTS);
        if ours < most { usize::MAX } else { 0 }
    }
}

/// How often a node is asked in vain before that counts. A newcomer lost to bad luck is lost to the whole crawl; a member
/// only loses freshness.
fn tries(entry: &Entry) -> u8 {
    match entry {
        Entry::Candidate(_) => 3,
        Entry::Live(_) => 2,
    }
}

/// Counts a member of the live set that answers in an epoch, once.
fn count_answer(part: &mut Part, id: NodeId, now: Moment) {
    if part.get(id).is_some_and(|entry| entry.live().is_none_or(|node| node.answered < now.epoch)) {
        part.count_of(id, "answered", 1);
    }
}

/// Something that followers of the crawl hear of.
pub(super) fn event(what: &str, record: &Record, now: Moment) -> String {
    json!({
        "type": what,
        "node_id": record.id(),
        "seq": record.seq(),
        "enr": record.to_string(),
        "epoch": now.epoch,
        "at": now.at,
    })
    .to_string()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
