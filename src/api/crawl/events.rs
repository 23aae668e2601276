//! `GET /crawl/events`

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

use super::super::{
    Api,
    problem::{Code, Problem},
    query::Query,
};
use crate::crawl::{Follower, Mark, MarkError, Told};

/// Events that may wait for the socket; further ones wait in the feed, which is bounded too.
const WAITING: usize = 16;
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows a network.
pub(crate) async fn events(
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let query = query.only(&["network"])?;
    let after = headers.get("last-event-id").map(|id| id.to_str().map_err(|_| MarkError)?.parse::<Mark>());
    let after = after.transpose()?;
    let network = api.crawls.network(&query).await?;
    let permit = api.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(Code::TooManyStreams, format!("at most {} at once (api.max_streams)", api.config.api.max_streams))
    })?;
    let follower = api.crawls.feeds.follow(&network.store, after).await?;
    let (sender, receiver) = mpsc::channel(WAITING);
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
    loop {
        let next = tokio::select! {
            next = follower.next() => next,
            () = sender.closed() => return,
            () = stop.cancelled() => return,
        };
        let Some(Told { id, name, data }) = next else { return };
        let event = Event::default().id(id.to_string()).event(name).data(data);
        tokio::select! {
            sent = sender.send(Ok(event)) => if sent.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}
