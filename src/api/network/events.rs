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

use super::{
    Fault,
    socket::{permit, wanted},
};
use crate::{
    api::{Api, query::Query},
    network::{Follower, Message},
};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows the Network and its alarms.
pub(crate) async fn events(
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Fault> {
    let query = query.only(&["prefix", "since", "diff"])?;
    let last = headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok()));
    let since: Option<u64> = match last {
        Some(last) => Some(last.ok_or(Fault::bad_query("Last-Event-ID: expected a revision"))?),
        None => query.parsed("since")?,
    };
    let permit = permit(&api)?;
    let follower = api.networks.feeds.follow(&api.store(&query)?, wanted(&query)?, since).await?;
    // One event may wait: what comes after it is the newest there is then.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(send(follower, sender, api.stop.clone(), permit));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Sends until the client leaves or the process stops.
async fn send(
    mut follower: Follower,
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
        let told = tokio::select! {
            told = follower.next() => told,
            () = sender.closed() => return,
            () = stop.cancelled() => return,
        };
        let Some(told) = told else { return };
        drop(place);
        let mut events: Vec<Event> = told.messages.iter().map(event).collect();
        if alarms != told.alarms {
            events.push(Event::default().event("alarms").data(&told.alarms));
            alarms = told.alarms;
        }
        for event in events {
            let sent = tokio::select! {
                sent = sender.send(Ok(event)) => sent,
                () = stop.cancelled() => return,
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

fn event(message: &Message) -> Event {
    let id = message.revision.to_string();
    Event::default().id(id).event(message.kind.as_str()).data(String::from_utf8_lossy(&message.json))
}
