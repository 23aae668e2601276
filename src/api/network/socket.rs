//! `GET /network/ws`: the Network over a WebSocket.

use std::time::Duration;

use axum::{
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode, Uri, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Fault, permit, wanted};
use crate::{
    api::{Api, query::Query},
    network::Follower,
};

/// How often a client is asked whether it is there; one that has not said anything for twice as long is not.
const PING: Duration = Duration::from_secs(30);
/// How long one message may take to be taken.
const SEND: Duration = Duration::from_mins(1);
/// Bytes that a client may say at once; nothing it says means anything here.
const MAX_SAID: usize = 4 << 10;

/// Follows the Network.
pub(crate) async fn socket(
    State(api): State<Api>,
    query: Query,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Fault> {
    let query = query.only(&["prefix", "since", "diff"])?;
    let (store, wanted, since) = (api.store(&query)?, wanted(&query)?, query.parsed("since")?);
    if !is_same_origin(&uri, &headers) {
        return Err(Fault::new(StatusCode::FORBIDDEN, "foreign_origin"));
    }
    let upgrade = upgrade.map_err(|_| Fault::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required"))?;
    let permit = permit(&api)?;
    let follower = api.networks.feeds.follow(&store, wanted, since).await?;
    let stop = api.stop.clone();
    let upgrade = upgrade.max_message_size(MAX_SAID).max_frame_size(MAX_SAID);
    Ok(upgrade.on_upgrade(move |socket| send(socket, follower, stop, permit)))
}

/// Whether this is no page of somebody else's: browsers let any page open a WebSocket to anybody, and say whose it is.
fn is_same_origin(uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let here = uri.authority().map(axum::http::uri::Authority::as_str);
    let here = here.or_else(|| headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    let there = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    here.zip(there).is_some_and(|(here, (_, there))| here.eq_ignore_ascii_case(there))
}

/// Sends the newest Network until the client leaves or the process stops.
async fn send(socket: WebSocket, mut follower: Follower, stop: CancellationToken, _permit: OwnedSemaphorePermit) {
    let (mut sink, mut said) = socket.split();
    let mut ping = interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let messages: Vec<Message> = tokio::select! {
            told = follower.next() => match told {
                Some(told) => {
                    let texts = told.messages.into_iter().map_while(|message| Utf8Bytes::try_from(message.json).ok());
                    texts.map(Message::Text).collect()
                }
                None => break,
            },
            said = said.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {
                    heard = Instant::now();
                    continue;
                }
            },
            _ = ping.tick() => {
                if heard.elapsed() > 2 * PING {
                    return;
                }
                vec![Message::Ping(Bytes::new())]
            }
            () = stop.cancelled() => break,
        };
        // While this waits for the client, newer Networks replace each other.
        for message in messages {
            let sent = tokio::select! {
                sent = timeout(SEND, sink.send(message)) => sent,
                () = stop.cancelled() => return,
            };
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
    // The client may have gone already.
    timeout(Duration::from_secs(1), sink.send(Message::Close(None))).await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_our_own_may_listen() {
        for (host, origin, same) in [
            ("127.0.0.1:8900", None, true),
            ("127.0.0.1:8900", Some("http://127.0.0.1:8900"), true),
            ("Queue.example", Some("https://queue.example"), true),
            ("127.0.0.1:8900", Some("http://127.0.0.1:8901"), false),
            ("127.0.0.1:8900", Some("https://evil.example"), false),
            ("127.0.0.1:8900", Some("null"), false),
        ] {
            let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            headers.extend(origin.map(|origin| (header::ORIGIN, origin.parse().unwrap())));
            assert_eq!(is_same_origin(&Uri::from_static("/network/ws"), &headers), same, "{origin:?}");
        }
    }
}
