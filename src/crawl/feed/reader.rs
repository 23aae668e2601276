//! The one who reads a network's event stream, as long as somebody follows and through restarts of Redis.

use std::{collections::HashMap, time::Duration};

use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{ENTRIES, Feeds, Mark, Said, Told};
use crate::{
    broker::{BrokerError, Connection},
    crawl::store::Store,
    queue::Backoff,
};

/// How long one read waits, and how long it may take in all.
const BLOCK: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));

/// Entries of a stream: id, then names and values in turn.
pub(super) type Entries = Vec<(String, Vec<String>)>;

/// What must be known of an event to pass it on.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
}

/// Reads until nobody follows any more.
pub(super) async fn read(
    feeds: Feeds,
    store: Store,
    sender: broadcast::Sender<Said>,
    tell: watch::Sender<Option<Mark>>,
) {
    let mut connection = store.broker().dedicated(BLOCK.1);
    let (key, never, mut backoff) = (store.events_key(), CancellationToken::new(), Backoff::default());
    let mut checked = false;
    while feeds.is_followed(&key) {
        let position = *tell.borrow();
        let step = match position {
            Some(position) if checked => step(&mut connection, &store, &sender, position).await,
            // At the start, and after an error: Redis may have come back with less than we know.
            _ => begin(&store, &sender, position).await,
        };
        match step {
            Ok(position) => {
                tell.send_replace(Some(position));
                checked = true;
                backoff.reset();
            }
            Err(error) => {
                tracing::debug!(%error, key, "cannot read events; will keep trying");
                checked = false;
                backoff.wait(&never).await;
            }
        }
    }
}

/// Where to read on: at `known` if nothing was lost since, or else at the end, and everybody is told so.
async fn begin(store: &Store, sender: &broadcast::Sender<Said>, known: Option<Mark>) -> Result<Mark, BrokerError> {
    let (first, last) = bounds(store).await?;
    match known {
        Some(known) if first <= known && known <= last => Ok(known),
        Some(_) => {
            // Nobody may listen any more.
            sender.send(Said::Lost(last)).ok();
            Ok(last)
        }
        None => Ok(last),
    }
}

/// Reads what came after `position` and tells it.
async fn step(
    connection: &mut Connection,
    store: &Store,
    sender: &broadcast::Sender<Said>,
    position: Mark,
) -> Result<Mark, BrokerError> {
    let key = store.events_key();
    let mut command = redis::cmd("XREAD");
    command.arg("COUNT").arg(ENTRIES).arg("BLOCK").arg(BLOCK.0.as_secs() * 1000);
    command.arg("STREAMS").arg(&key).arg(position.to_string());
    let answer: Option<HashMap<String, Entries>> = command.query_async(connection).await?;
    let entries = answer.and_then(|mut streams| streams.remove(&key)).unwrap_or_default();
    if entries.len() == ENTRIES && bounds(store).await?.0 > position {
        // We are behind, and what we had not read yet may have been trimmed.
        sender.send(Said::Lost(position)).ok();
    }
    let mut position = position;
    for entry in &entries {
        position = entry.0.parse().unwrap_or(position);
        if let Some(told) = event(entry) {
            sender.send(Said::Event(told)).ok();
        }
    }
    Ok(position)
}

/// An entry as what is told of it; nothing if it is no event.
pub(super) fn event((id, fields): &(String, Vec<String>)) -> Option<Told> {
    let json = fields.chunks_exact(2).find_map(|pair| match pair {
        [name, json] if name == "event" => Some(json),
        _ => None,
    })?;
    let kind: Kind = serde_json::from_str(json).ok()?;
    // Server-sent events are lines: the name and the data must be one each.
    let is_word = (1..=20).contains(&kind.name.len()) && kind.name.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_word && !json.contains(['\n', '\r'])).then_some(())?;
    Some(Told { id: id.parse().ok()?, name: kind.name, data: json.as_str().into() })
}

/// The first and the last entry of a stream.
pub(super) async fn bounds(store: &Store) -> Result<(Mark, Mark), BrokerError> {
    let (mut both, key) = (redis::pipe(), store.events_key());
    both.cmd("XRANGE").arg(&key).arg("-").arg("+").arg("COUNT").arg(1);
    both.cmd("XREVRANGE").arg(&key).arg("+").arg("-").arg("COUNT").arg(1);
    let (first, last): (Entries, Entries) = store.broker().pipeline(&both).await?;
    let mark = |entries: &Entries| entries.first().and_then(|(id, _)| id.parse().ok()).unwrap_or_default();
    Ok((mark(&first), mark(&last)))
}
