//! What one work item does on the wire.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    time::Duration,
};

use super::{
    delegator::{Item, Kind},
    descent::{Descent, Question},
};
use crate::discv5::{AskError, Client, Completeness, NodeId, Peer, Record};

/// How often a question is asked again whose answer did not come, or not whole.
const AGAIN: u32 = 3;
/// Questions in a row that were never answered, after which a node is left alone.
const SILENT_IN_ROW: u32 = 2;

/// A work item that was done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) item: Item,
    /// Where its node was asked.
    pub(super) address: SocketAddr,
    /// What it said; `None` if it did not answer.
    pub(super) said: Option<Said>,
    /// From the first packet to the last.
    pub(super) took: Duration,
}

/// What a node said.
#[derive(Debug)]
pub(super) enum Said {
    /// "I am", and the number of its record.
    Pong { seq: u64, rtt: Duration },
    /// Its own record, if that could be read.
    Own { record: Option<Record>, rtt: Duration },
    /// All its neighbours; and whether every question was answered in full.
    Neighbours { records: Vec<Record>, is_whole: bool },
}

/// Does a work item.
pub(super) async fn ask(client: Client, item: Item, record: Record, address: SocketAddr) -> Result<Done, AskError> {
    let start = tokio::time::Instant::now();
    let peer = Peer { record, address };
    let said = match item.0 {
        Kind::Ping => answered(client.ping(&peer).await)?.map(|pong| Said::Pong { seq: pong.seq, rtt: pong.took }),
        Kind::Record => answered(client.find_node(&peer, &[0]).await)?.map(|nodes| {
            let own = nodes.records.into_iter().filter(|record| record.id() == peer.record.id());
            Said::Own { record: own.max_by_key(Record::seq), rtt: nodes.took }
        }),
        Kind::Neighbours => drain(&client, &peer).await?,
    };
    Ok(Done { item, address, said, took: start.elapsed() })
}

/// Silence is an answer here; a client that is gone, or refuses the question itself, is not.
fn answered<T>(result: Result<T, AskError>) -> Result<Option<T>, AskError> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ (AskError::Closed | AskError::Distances)) => Err(error),
        Err(AskError::Silent | AskError::NoSocket | AskError::Address | AskError::Itself) => Ok(None),
    }
}

/// Asks a node for everybody it knows.
async fn drain(client: &Client, peer: &Peer) -> Result<Option<Said>, AskError> {
    let (mut descent, mut records, mut is_whole) = (Descent::new(), BTreeMap::<NodeId, Record>::new(), true);
    let (mut answers, mut silent) = (0, 0);
    while let Some(question) = descent.next() {
        let Some(bucket) = bucket(client, peer, question).await? else {
            (is_whole, silent) = (false, silent + 1);
            if silent >= SILENT_IN_ROW {
                break;
            }
            // As if it were full: what is nearer is asked for all the same.
            descent.answered(question, if matches!(question, Question::Down(_)) { usize::MAX } else { 0 });
            continue;
        };
        (answers, silent) = (answers + 1, 0);
        is_whole &= bucket.is_whole;
        let told = bucket.records.len();
        for record in bucket.records {
            match records.get(&record.id()) {
                Some(known) if known.seq() >= record.seq() => {}
                _ => {
                    records.insert(record.id(), record);
                }
            }
        }
        descent.answered(question, told);
    }
    Ok((answers > 0).then(|| Said::Neighbours { records: records.into_values().collect(), is_whole }))
}

/// The answer to one question.
struct Bucket {
    records: HashSet<Record>,
    is_whole: bool,
}

/// Asks until the answer has come whole; what came of an answer in parts is kept. One with a bad record is asked for
/// once more: if that is as bad, it is what the node has.
async fn bucket(client: &Client, peer: &Peer, question: Question) -> Result<Option<Bucket>, AskError> {
    let distances: Vec<u16> = question.distances().collect();
    let (mut bucket, mut was_bad) = (None, false);
    for tried in 0..=AGAIN {
        let Some(nodes) = answered(client.find_node(peer, &distances).await)? else {
            if bucket.is_none() && tried > 0 {
                break;
            }
            continue;
        };
        let is_whole = nodes.completeness == Completeness::Whole;
        let known = bucket.get_or_insert_with(|| Bucket { records: HashSet::new(), is_whole });
        known.records.extend(nodes.records);
        known.is_whole = is_whole;
        let is_bad = nodes.dropped.bad + nodes.dropped.wrong_distance > 0;
        if is_whole && (!is_bad || std::mem::replace(&mut was_bad, true)) {
            break;
        }
    }
    Ok(bucket)
}
