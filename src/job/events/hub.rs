//! The one reader of a shard's event stream, and everybody it tells.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::id::{Entry, EventId};
use crate::{
    broker::{BrokerError, Connection},
    job::{JobId, Shard},
    queue::{Backoff, Queue, keys},
};

/// Events that may wait for one follower.
const WAITING: usize = 256;
/// Entries read at once.
const ENTRIES: usize = 200;
/// Events, of all jobs, that are looked through for what one follower missed; who is further back begins anew.
const MISSED: usize = 20_000;
/// How long one read waits, and how long it may take in all.
const BLOCK: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));
/// How long a new follower waits for the reader.
const READY: Duration = Duration::from_secs(5);

/// One event of one job.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: EventId,
    pub(super) json: Arc<str>,
}

/// Entries of a stream: id, then events and the ids of the jobs they are about, in turn.
pub(super) type Entries = Vec<(String, Vec<String>)>;

/// All readers of this process.
#[derive(Clone)]
pub(in crate::job) struct Hub {
    queue: Queue,
    shards: Arc<Mutex<HashMap<Shard, Reader>>>,
}

/// A shard's reader while somebody follows.
struct Reader {
    followers: HashMap<String, Vec<mpsc::Sender<Event>>>,
    position: watch::Receiver<Option<Entry>>,
}

/// A place among those who are told of a job.
pub(super) struct Subscription {
    pub(super) events: mpsc::Receiver<Event>,
    /// Everything after it will be told.
    pub(super) from: Entry,
}

impl Hub {
    pub(in crate::job) fn new(queue: Queue) -> Self {
        Self { queue, shards: Arc::default() }
    }

    fn shards(&self) -> MutexGuard<'_, HashMap<Shard, Reader>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to a job from now on.
    pub(super) async fn subscribe(&self, job: JobId) -> Result<Subscription, BrokerError> {
        let (sender, events) = mpsc::channel(WAITING);
        let mut position = {
            let mut shards = self.shards();
            let reader = shards.entry(job.shard()).or_insert_with(|| self.start(job.shard()));
            let followers = reader.followers.entry(job.to_string()).or_default();
            followers.retain(|follower| !follower.is_closed());
            followers.push(sender);
            reader.position.clone()
        };
        let ready = timeout(READY, position.wait_for(Option::is_some)).await;
        match ready.ok().and_then(Result::ok).and_then(|entry| *entry) {
            Some(from) => Ok(Subscription { events, from }),
            None => Err(BrokerError::Unavailable { reason: "the event stream cannot be read".into(), source: None }),
        }
    }

    fn start(&self, shard: Shard) -> Reader {
        let (tell, position) = watch::channel(None);
        tokio::spawn(self.clone().read(shard, tell));
        Reader { followers: HashMap::new(), position }
    }

    /// Reads until nobody follows any more, through restarts of Redis.
    async fn read(self, shard: Shard, tell: watch::Sender<Option<Entry>>) {
        let mut connection = self.queue.broker().dedicated(BLOCK.1);
        let (key, never, mut backoff) = (keys::named(shard, "events"), CancellationToken::new(), Backoff::default());
        let mut checked = false;
        while self.is_followed(shard) {
            let position = *tell.borrow();
            let step = match position {
                Some(position) if checked => {
                    self.step(&mut connection, shard, &key, position).await.map(|position| (position, false))
                }
                // At the start, and after an error: Redis may have come back with less than we know.
                _ => self.begin(&key, position).await,
            };
            match step {
                Ok((position, lost)) => {
                    tell.send_replace(Some(position));
                    if lost {
                        self.forget(shard);
                    }
                    checked = true;
                    backoff = Backoff::default();
                }
                Err(error) => {
                    tracing::debug!(%error, shard = shard.0, "cannot read events; will keep trying");
                    checked = false;
                    backoff.wait(&never).await;
                }
            }
        }
    }

    /// Whether anybody follows; if not, the reader is gone, and whoever comes next starts a new one.
    fn is_followed(&self, shard: Shard) -> bool {
        let mut shards = self.shards();
        let Some(reader) = shards.get_mut(&shard) else { return false };
        reader.followers.retain(|_, followers| {
            followers.retain(|follower| !follower.is_closed());
            !followers.is_empty()
        });
        let followed = !reader.followers.is_empty();
        if !followed {
            shards.remove(&shard);
        }
        followed
    }

    /// Where to read on: at `known` if nothing was lost since, or else at the end, and then everybody begins anew.
    async fn begin(&self, key: &str, known: Option<Entry>) -> Result<(Entry, bool), BrokerError> {
        let (first, last) = bounds(&self.queue, key).await?;
        Ok(match known {
            Some(known) if first <= known && known <= last => (known, false),
            Some(_) => (last, true),
            None => (last, false),
        })
    }

    /// Reads what came after `position` and tells it.
    async fn step(
        &self,
        connection: &mut Connection,
        shard: Shard,
        key: &str,
        position: Entry,
    ) -> Result<Entry, BrokerError> {
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(ENTRIES).arg("BLOCK").arg(BLOCK.0.as_secs() * 1000);
        command.arg("STREAMS").arg(key).arg(position.to_string());
        let answer: Option<HashMap<String, Entries>> = command.query_async(connection).await?;
        let entries = answer.and_then(|mut streams| streams.remove(key)).unwrap_or_default();
        if entries.len() == ENTRIES && bounds(&self.queue, key).await?.0 > position {
            // We are behind, and what we had not read yet may have been trimmed.
            self.forget(shard);
        }
        let mut position = position;
        for (id, fields) in &entries {
            let Ok(entry) = id.parse::<Entry>() else { continue };
            position = entry;
            self.tell(shard, entry, fields);
        }
        Ok(position)
    }

    fn tell(&self, shard: Shard, entry: Entry, fields: &[String]) {
        let mut shards = self.shards();
        let Some(reader) = shards.get_mut(&shard) else { return };
        for (id, job, json) in events(shard, entry, fields) {
            if let Some(followers) = reader.followers.get_mut(job) {
                let event = Event { id, json: json.into() };
                // One that is full is dropped: its follower sees the end of the channel and begins anew.
                followers.retain(|follower| follower.try_send(event.clone()).is_ok());
            }
        }
    }

    /// Drops all followers of a shard: each begins anew.
    fn forget(&self, shard: Shard) {
        if let Some(reader) = self.shards().get_mut(&shard) {
            reader.followers.clear();
        }
    }

    /// What a job said after `after`, up to and including `until`; `None` if some of it may have been trimmed, or if it
    /// is too far back.
    pub(super) async fn missed(
        &self,
        job: JobId,
        after: EventId,
        until: Entry,
    ) -> Result<Option<Vec<Event>>, BrokerError> {
        let (shard, key, name) = (job.shard(), keys::named(job.shard(), "events"), job.to_string());
        let (mut missed, mut start, mut examined) = (Vec::new(), after.entry.to_string(), 0);
        loop {
            let mut command = redis::cmd("XRANGE");
            command.arg(&key).arg(&start).arg(until.to_string()).arg("COUNT").arg(ENTRIES);
            let entries: Entries = self.queue.broker().query(&command).await?;
            for (id, fields) in &entries {
                let Ok(entry) = id.parse::<Entry>() else { continue };
                let said = events(shard, entry, fields)
                    .inspect(|_| examined += 1)
                    .filter(|(id, job, _)| *job == name && (id.entry > after.entry || id.place > after.place));
                missed.extend(said.map(|(id, _, json)| Event { id, json: json.into() }));
            }
            match entries.last() {
                Some(_) if examined > MISSED => return Ok(None),
                Some((last, _)) if entries.len() == ENTRIES => start = format!("({last}"),
                _ => break,
            }
        }
        // Asked after reading: what was trimmed meanwhile counts too.
        let (first, last) = bounds(&self.queue, &key).await?;
        Ok((first <= after.entry && after.entry <= last).then_some(missed))
    }
}

/// The first and the last entry of a stream.
async fn bounds(queue: &Queue, key: &str) -> Result<(Entry, Entry), BrokerError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("XRANGE").arg(key).arg("-").arg("+").arg("COUNT").arg(1);
    pipeline.cmd("XREVRANGE").arg(key).arg("+").arg("-").arg("COUNT").arg(1);
    let (first, last): (Entries, Entries) = queue.broker().pipeline(&pipeline).await?;
    let entry = |entries: &Entries| entries.first().and_then(|(id, _)| id.parse().ok()).unwrap_or_default();
    Ok((entry(&first), entry(&last)))
}

/// The events of one entry: id, job, JSON.
fn events(shard: Shard, entry: Entry, fields: &[String]) -> impl Iterator<Item = (EventId, &str, &str)> {
    let pairs = fields.chunks_exact(2).filter_map(|pair| match pair {
        [json, jobs] => Some((json.as_str(), jobs.as_str())),
        _ => None,
    });
    (0..u16::MAX).zip(pairs).flat_map(move |(place, (json, jobs))| {
        jobs.split(' ').map(move |job| (EventId { shard, entry, place }, job, json))
    })
}
