//! `GET /network/events`

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{Fault, socket::permit};
use crate::{
    api::{Api, query::Query},
    network::Follower,
};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows the Network and its alarms.
pub(crate) async fn events(
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Fault> {
    let query = query.only(&["prefix", "since"])?;
    let last = headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok()));
    let since: Option<u64> = match last {
        Some(last) => Some(last.ok_or(Fault::bad_query("Last-Event-ID: expected a revision"))?),
        None => query.parsed("since")?,
    };
    let permit = permit(&api)?;
    let follower = api.networks.feeds.follow(&api.store(&query)?).await?;
    // One event may wait: what comes after it is the newest there is then.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(send(follower, since, sender, api.stop.clone(), permit));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Sends until the client leaves or the process stops.
async fn send(
    mut follower: Follower,
    mut told: Option<u64>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    let mut alarms = String::new();
    loop {
        // First a place for it, then what it is: it shall be the newest when it is sent.
        let place = tokio::select! {
            place = sender.reserve() => place,
            () = stop.cancelled() => return,
        };
        let Ok(place) = place else { return };
        let latest = tokio::select! {
            latest = follower.next() => latest,
            () = sender.closed() => return,
            () = stop.cancelled() => return,
        };
        let Some(latest) = latest else { return };
        let is_new = latest.revision > 0 && told != Some(latest.revision);
        if is_new {
            told = Some(latest.revision);
            let id = latest.revision.to_string();
            place.send(Ok(Event::default().id(id).event("network").data(String::from_utf8_lossy(&latest.message))));
        } else {
            drop(place);
        }
        if alarms != latest.alarms {
            alarms.clone_from(&latest.alarms);
            let sent = tokio::select! {
                sent = sender.send(Ok(Event::default().event("alarms").data(&alarms))) => sent,
                () = stop.cancelled() => return,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}
