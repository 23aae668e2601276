//! `GET /execution/events`

use axum::{
    extract::State,
    http::HeaderMap,
    response::{Response, sse::Event},
};

use super::{
    Api,
    get::unknown,
    problem::Problem,
    query::Query,
    stream::{self, Stream},
};
use crate::job::{EventId, EventIdError, Follower, Told};

/// Events that may wait for the socket; further ones wait in the hub, which is bounded too.
const WAITING: usize = 16;

/// Follows a job.
pub(super) async fn events(State(api): State<Api>, query: Query, headers: HeaderMap) -> Result<Response, Problem> {
    let job = query.only(&["job_id"])?.job_id()?;
    let after = headers.get("last-event-id").map(|id| id.to_str().map_err(|_| EventIdError)?.parse::<EventId>());
    let after = after.transpose()?;
    if after.is_some_and(|after| after.shard() != job.shard()) {
        return Err(EventIdError.into());
    }
    let permit = stream::permit(&api)?;
    let follower = api.jobs.follow(job, after).await?.ok_or_else(unknown)?;
    let (stream, answer) = Stream::open(&api, permit, WAITING);
    tokio::spawn(send(follower, stream));
    Ok(answer)
}

/// Sends until the job ends or the stream is over.
async fn send(mut follower: Follower, stream: Stream) {
    while let Some(next) = stream.until(follower.next()).await {
        match next {
            Ok(Some(Told { id, name, data })) => {
                let event = Event::default().id(id.to_string()).event(name).data(data);
                if stream.send(event).await.is_none() {
                    return;
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
