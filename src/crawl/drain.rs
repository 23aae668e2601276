//! Everything one node is asked: its own record, then its buckets from the farthest down.

use std::{collections::BTreeMap, time::Duration};

use discv5::Enr;
use enr::NodeId;

use super::{
    address::Reach,
    asker::{Answer, AskError, Asker},
    record::distance,
};

/// The farthest bucket: half of the network.
const FARTHEST: u64 = 256;
/// The nearest bucket asked for. Below it no network of this world has nodes, and some clients keep 17 buckets only.
const NEAREST: u64 = FARTHEST - 17;
/// Empty buckets in a row after which nearer ones are taken to be empty too.
const EMPTY_IN_ROW: u32 = 3;
/// Unanswered questions in a row after which a node is left alone.
const SILENT_IN_ROW: u32 = 2;
/// Between two questions to one node of the public network: the common limit is 8 a second, and a ban of an hour.
const PACE: Duration = Duration::from_millis(150);

/// Which bucket to ask for next.
#[derive(Debug)]
pub(super) struct Descent {
    next: u64,
    empty: u32,
    silent: u32,
}

impl Descent {
    pub(super) fn new() -> Self {
        Self { next: FARTHEST, empty: 0, silent: 0 }
    }

    /// The next distance, unless it is enough.
    pub(super) fn next(&mut self) -> Option<u64> {
        if self.next < NEAREST || self.empty >= EMPTY_IN_ROW || self.silent >= SILENT_IN_ROW {
            return None;
        }
        self.next -= 1;
        Some(self.next + 1)
    }

    /// The last one brought this many records.
    pub(super) fn answered(&mut self, records: usize) {
        self.silent = 0;
        self.empty = if records == 0 { self.empty + 1 } else { 0 };
    }

    /// The last one was not answered.
    pub(super) fn unanswered(&mut self) {
        self.silent += 1;
    }
}

/// What one node told.
#[derive(Debug)]
pub(super) struct Told {
    /// Who.
    pub(super) id: NodeId,
    /// Its own record, if it answered with that.
    pub(super) own: Option<Enr>,
    /// The quickest answer; `None` if none came.
    pub(super) rtt: Option<Duration>,
    /// Its neighbours, each once.
    pub(super) neighbours: BTreeMap<[u8; 32], Enr>,
    /// Records that nobody asked for.
    pub(super) bad_records: u64,
}

impl Told {
    pub(super) fn nothing(id: NodeId) -> Self {
        Self { id, own: None, rtt: None, neighbours: BTreeMap::new(), bad_records: 0 }
    }

    fn took(&mut self, took: Duration) {
        self.rtt = Some(self.rtt.map_or(took, |rtt| rtt.min(took)));
    }

    /// Sorts the answer to the question for its own record.
    pub(super) fn add_own(&mut self, answer: Answer) {
        self.took(answer.took);
        for record in answer.records {
            if record.node_id() != self.id {
                self.bad_records += 1;
            } else if self.own.as_ref().is_none_or(|own| own.seq() < record.seq()) {
                self.own = Some(record);
            }
        }
    }

    /// Sorts the answer to the question for one distance; how many of the records belong there.
    pub(super) fn add_neighbours(&mut self, asked: u64, answer: Answer) -> usize {
        self.took(answer.took);
        let mut right = 0;
        for record in answer.records {
            let lies_at = distance(&self.id, &record.node_id());
            // Clients with 17 buckets answer with the whole lowest one.
            if lies_at == asked || (asked == NEAREST && (1..asked).contains(&lies_at)) {
                right += 1;
                let newest = self.neighbours.entry(record.node_id().raw()).or_insert_with(|| record.clone());
                if newest.seq() < record.seq() {
                    *newest = record;
                }
            } else {
                self.bad_records += 1;
            }
        }
        right
    }
}

/// Asks one node everything.
pub(super) async fn drain(asker: &Asker, reach: Reach, node: &Enr) -> Result<Told, AskError> {
    let mut told = Told::nothing(node.node_id());
    match asker.own_record(node).await {
        Ok(answer) => told.add_own(answer),
        Err(AskError::Silent) => return Ok(told),
        Err(broken) => return Err(broken),
    }
    let mut descent = Descent::new();
    while let Some(asked) = descent.next() {
        if reach == Reach::Public {
            tokio::time::sleep(PACE).await;
        }
        match asker.neighbours(node, asked).await {
            Ok(answer) => descent.answered(told.add_neighbours(asked, answer)),
            Err(AskError::Silent) => descent.unanswered(),
            Err(broken) => return Err(broken),
        }
    }
    Ok(told)
}
