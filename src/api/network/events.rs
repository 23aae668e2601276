//! `GET /network/events`

use axum::{
    extract::State,
    http::HeaderMap,
    response::{Response, sse::Event},
};

use super::{Fault, permit, wanted};
use crate::{
    api::{Api, query::Query, stream::Stream},
    network::{Follower, Message},
};

/// Follows the Network and its alarms.
pub(crate) async fn events(State(api): State<Api>, query: Query, headers: HeaderMap) -> Result<Response, Fault> {
    let query = query.only(&["prefix", "since", "diff"])?;
    let last = headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok()));
    let since: Option<u64> = match last {
        Some(last) => Some(last.ok_or(Fault::bad_query("Last-Event-ID: expected a revision"))?),
        None => query.parsed("since")?,
    };
    let permit = permit(&api)?;
    let follower = api.networks.feeds.follow(&api.store(&query)?, wanted(&query)?, since).await?;
    // One event may wait: what comes after it is the newest there is then.
    let (stream, answer) = Stream::open(&api, permit, 1);
    tokio::spawn(send(follower, stream));
    Ok(answer)
}

/// Sends until the stream is over. First there has to be room, then it is asked what to send: it shall be the newest.
async fn send(mut follower: Follower, stream: Stream) {
    let mut alarms = String::new();
    while stream.room().await.is_some() {
        let Some(Some(told)) = stream.until(follower.next()).await else { return };
        let mut events: Vec<Event> = told.messages.iter().map(event).collect();
        if alarms != told.alarms {
            events.push(Event::default().event("alarms").data(&told.alarms));
            alarms = told.alarms;
        }
        for event in events {
            if stream.send(event).await.is_none() {
                return;
            }
        }
    }
}

fn event(message: &Message) -> Event {
    let id = message.revision.to_string();
    Event::default().id(id).event(message.kind.as_str()).data(String::from_utf8_lossy(&message.json))
}
