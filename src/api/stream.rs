//! Streams of server-sent events: what all of them share.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{
    Api,
    problem::{Code, Problem},
};

/// How often a comment keeps a silent stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The sending end of a stream. It is over when its client leaves or the process stops.
pub(super) struct Stream {
    sender: mpsc::Sender<Result<Event, Infallible>>,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// One of the streams that may be open at once.
pub(super) fn permit(api: &Api) -> Result<OwnedSemaphorePermit, Problem> {
    api.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(Code::TooManyStreams, format!("at most {} at once (api.max_streams)", api.config.api.max_streams))
    })
}

impl Stream {
    /// Opens one in which so many events may wait for the socket, and the answer that carries it.
    pub(super) fn open(api: &Api, permit: OwnedSemaphorePermit, waiting: usize) -> (Self, Response) {
        let (sender, receiver) = mpsc::channel(waiting);
        let answer = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
        (Self { sender, stop: api.stop.clone(), _permit: permit }, answer.into_response())
    }

    /// Waits for something to send; `None` if the stream is over first.
    pub(super) async fn until<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            next = next => Some(next),
            () = self.sender.closed() => None,
            () = self.stop.cancelled() => None,
        }
    }

    /// Waits until one more event may wait; `None` if the stream is over first.
    pub(super) async fn room(&self) -> Option<()> {
        tokio::select! {
            place = self.sender.reserve() => place.ok().map(drop),
            () = self.stop.cancelled() => None,
        }
    }

    /// Sends an event; `None` if the stream is over first.
    pub(super) async fn send(&self, event: Event) -> Option<()> {
        tokio::select! {
            sent = self.sender.send(Ok(event)) => sent.ok(),
            () = self.stop.cancelled() => None,
        }
    }
}
