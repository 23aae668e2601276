//! What happened to the jobs, as Redis tells it to everybody: the events of every shard, followed while it happens, and
//! the hashes at the end.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use serde::Deserialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::stage::SHARDS;
use crate::{
    broker::{Broker, BrokerError},
    job::{JobId, Shard, Status},
    queue::keys,
};

/// Entries that one call brings.
const ENTRIES: usize = 1000;
/// Hashes that one call brings.
const HASHES: usize = 200;
/// The time between two looks at a stream.
const LOOK: Duration = Duration::from_millis(200);

/// A job got a new status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The status.
    pub(super) status: Status,
    /// The claim it belongs to.
    pub(super) lease: u64,
    /// When, in milliseconds since 1970 by the clock of Redis.
    pub(super) at_ms: i64,
    /// The process that claimed it, if it is running now.
    pub(super) sanjer: Option<u32>,
}

/// All moves of every job, in their order.
pub(super) type Moves = HashMap<JobId, Vec<Move>>;

/// A job's hash.
pub(super) type Hash = BTreeMap<String, String>;

/// An event that is about a status.
#[derive(Deserialize)]
struct StatusEvent {
    status: Status,
    lease: u64,
    at: jiff::Timestamp,
    sanjer: Option<String>,
}

/// Reads the streams until `stop`, and then to their ends.
pub(super) async fn follow(broker: Broker, stop: CancellationToken) -> Result<Moves, BrokerError> {
    let mut moves = Moves::new();
    let mut last: Vec<(Shard, String)> = (0..SHARDS).map(|shard| (Shard(shard), "-".to_owned())).collect();
    loop {
        let stopping = stop.is_cancelled();
        for (shard, last) in &mut last {
            match read(&broker, *shard, last, &mut moves).await {
                // It is away now and will be back.
                Err(_) if !stopping => {}
                Err(error) => return Err(error),
                Ok(()) => {}
            }
        }
        if stopping {
            return Ok(moves);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(LOOK) => {}
        }
    }
}

/// Reads a stream from `last` to its end.
async fn read(broker: &Broker, shard: Shard, last: &mut String, moves: &mut Moves) -> Result<(), BrokerError> {
    loop {
        let mut command = redis::cmd("XRANGE");
        command.arg(keys::named(shard, "events")).arg(last.as_str()).arg("+").arg("COUNT").arg(ENTRIES);
        // Of each entry its id, then events and ids of jobs by turns; their order counts.
        let entries: Vec<(String, Vec<String>)> = broker.query(&command).await?;
        let count = entries.len();
        for (id, told) in entries {
            for pair in told.chunks(2) {
                if let [event, ids] = pair {
                    note(event, ids, moves);
                }
            }
            *last = format!("({id}");
        }
        if count < ENTRIES {
            return Ok(());
        }
    }
}

/// Notes what an event says about each of its jobs; progress and rows are of no interest here.
fn note(event: &str, ids: &str, moves: &mut Moves) {
    let Ok(event) = serde_json::from_str::<StatusEvent>(event) else { return };
    let sanjer = event.sanjer.as_deref().and_then(pid_of);
    let one = Move { status: event.status, lease: event.lease, at_ms: event.at.as_millisecond(), sanjer };
    for id in ids.split(' ').filter_map(|id| id.parse().ok()) {
        moves.entry(id).or_default().push(one.clone());
    }
}

/// The process id in a sanjer's name, `host:pid:start`.
fn pid_of(sanjer: &str) -> Option<u32> {
    sanjer.rsplit(':').nth(1)?.parse().ok()
}

/// The jobs of `ids` that have no terminal status yet, those that are not there included.
pub(super) async fn open(broker: &Broker, ids: &[JobId]) -> Result<Vec<JobId>, BrokerError> {
    let mut open = Vec::new();
    for some in ids.chunks(HASHES) {
        let mut pipe = redis::pipe();
        for id in some {
            pipe.cmd("HGET").arg(keys::job(*id)).arg("status");
        }
        let statuses: Vec<Option<String>> = broker.pipeline(&pipe).await?;
        let ended = |status: &Option<String>| {
            status.as_deref().and_then(|text| text.parse().ok()).is_some_and(Status::is_terminal)
        };
        open.extend(some.iter().zip(&statuses).filter(|(_, status)| !ended(status)).map(|(id, _)| *id));
    }
    Ok(open)
}

/// The hashes of `ids`; empty for a job that is not there.
pub(super) async fn hashes(broker: &Broker, ids: &[JobId]) -> Result<HashMap<JobId, Hash>, BrokerError> {
    let mut hashes = HashMap::new();
    for some in ids.chunks(HASHES) {
        let mut pipe = redis::pipe();
        for id in some {
            pipe.cmd("HGETALL").arg(keys::job(*id));
        }
        let found: Vec<Hash> = broker.pipeline(&pipe).await?;
        hashes.extend(some.iter().copied().zip(found));
    }
    Ok(hashes)
}

/// Every job there is, asked for by anybody.
pub(super) async fn all(broker: &Broker, platform: &str) -> Result<HashSet<JobId>, BrokerError> {
    let mut all = HashSet::new();
    for shard in (0..SHARDS).map(Shard) {
        let key = keys::named(shard, format_args!("platform:{platform}"));
        let ids: Vec<String> = broker.query(redis::cmd("ZRANGE").arg(key).arg(0).arg(-1)).await?;
        all.extend(ids.iter().filter_map(|id| id.parse::<JobId>().ok()));
    }
    Ok(all)
}

/// Deletes what the collector has left in a Redis that was empty before.
pub(super) async fn forget(broker: &Broker) -> Result<(), BrokerError> {
    let mut cursor = "0".to_owned();
    loop {
        let mut command = redis::cmd("SCAN");
        command.arg(&cursor).arg("MATCH").arg("{etlas:*").arg("COUNT").arg(ENTRIES);
        let (next, keys): (String, Vec<String>) = broker.query(&command).await?;
        if !keys.is_empty() {
            let _: u64 = broker.query(redis::cmd("UNLINK").arg(&keys)).await?;
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_become_moves() {
        let (one, two) = (JobId::new(Shard(0)), JobId::new(Shard(1)));
        let mut moves = Moves::new();
        let running = r#"{"type":"status","status":"running","attempt":1,"lease":2,"at":"2026-11-20T22:00:00.120Z","sanjer":"a:b:77:1700000000000"}"#;
        note(running, &format!("{one} {two}"), &mut moves);
        note(r#"{"type":"progress","progress":0.5,"lease":2}"#, &one.to_string(), &mut moves);
        note(
            r#"{"type":"status","status":"succeeded","attempt":1,"lease":2,"at":"2026-11-20T22:00:01.000Z"}"#,
            &one.to_string(),
            &mut moves,
        );
        note("{", &one.to_string(), &mut moves);
        assert_eq!(
            moves[&two],
            [Move { status: Status::Running, lease: 2, at_ms: 1_795_212_000_120, sanjer: Some(77) }]
        );
        let statuses: Vec<Status> = moves[&one].iter().map(|one| one.status).collect();
        assert_eq!(statuses, [Status::Running, Status::Succeeded]);
        assert_eq!(moves[&one][1].sanjer, None);
    }
}
