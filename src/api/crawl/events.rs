//! `GET /crawl/events`

use axum::{
    extract::State,
    http::HeaderMap,
    response::{Response, sse::Event},
};

use super::super::{
    Api,
    problem::Problem,
    query::Query,
    stream::{self, Stream},
};
use crate::crawl::{Follower, Mark, MarkError, Told};

/// Events that may wait for the socket; further ones wait in the feed, which is bounded too.
const WAITING: usize = 16;

/// Follows a network.
pub(crate) async fn events(State(api): State<Api>, query: Query, headers: HeaderMap) -> Result<Response, Problem> {
    let query = query.only(&["network"])?;
    let after = headers.get("last-event-id").map(|id| id.to_str().map_err(|_| MarkError)?.parse::<Mark>());
    let after = after.transpose()?;
    let network = api.crawls.network(&query).await?;
    let permit = stream::permit(&api)?;
    let follower = api.crawls.feeds.follow(&network.store, after).await?;
    let (stream, answer) = Stream::open(&api, permit, WAITING);
    tokio::spawn(send(follower, stream));
    Ok(answer)
}

/// Sends until the stream is over.
async fn send(mut follower: Follower, stream: Stream) {
    while let Some(Some(Told { id, name, data })) = stream.until(follower.next()).await {
        let event = Event::default().id(id.to_string()).event(name).data(data);
        if stream.send(event).await.is_none() {
            return;
        }
    }
}
