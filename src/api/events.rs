//! `GET /execution/events`

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
    Api,
    get::unknown,
    problem::{Code, Problem},
    query::Query,
};
use crate::job::{EventId, EventIdError, Follower, Told};

/// Events that may wait for the socket; further ones wait in the hub, which is bounded too.
const WAITING: usize = 16;
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows a job.
pub(super) async fn events(
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let job = query.only(&["job_id"])?.job_id()?;
    let after = headers.get("last-event-id").map(|id| id.to_str().map_err(|_| EventIdError)?.parse::<EventId>());
    let after = after.transpose()?;
    if after.is_some_and(|after| after.shard() != job.shard()) {
        return Err(EventIdError.into());
    }
    let permit = api.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(Code::TooManyStreams, format!("at most {} at once (api.max_streams)", api.config.api.max_streams))
    })?;
    let follower = api.jobs.follow(job, after).await?.ok_or_else(unknown)?;
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(send(follower, sender, api.stop.clone(), permit));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Sends until the job ends, the client leaves or the process stops.
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
        match next {
            Ok(Some(Told { id, name, data })) => {
                let event = Event::default().id(id.to_string()).event(name).data(data);
                tokio::select! {
                    sent = sender.send(Ok(event)) => if sent.is_err() { return },
                    () = stop.cancelled() => return,
                }
            }
            Ok(None) => return,
            Err(error) => {
                // The client comes back by itself with the id of its last event.
                tracing::warn!(%error, "an event stream ended early");
                return;
            }
        }
    }
}
