//! What is published, for those who listen.

use std::{fmt, pin::Pin};

use futures_util::StreamExt as _;
use redis::{Msg, aio::PubSub};

use super::BrokerError;

/// A connection for subscriptions.
pub struct Subscription {
    pubsub: PubSub,
    /// Ends when what is published may be told elsewhere from now on.
    gone: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl Subscription {
    pub(super) fn new(pubsub: PubSub, gone: impl Future<Output = ()> + Send + Sync + 'static) -> Self {
        Self { pubsub, gone: Box::pin(gone) }
    }

    /// Listens to a channel too.
    pub async fn subscribe(&mut self, channel: &str) -> Result<(), BrokerError> {
        Ok(self.pubsub.subscribe(channel).await?)
    }

    /// What is published next. Nothing when the server has gone, or when another took its place: then ask for a new
    /// subscription.
    pub async fn next(&mut self) -> Option<Msg> {
        let mut messages = self.pubsub.on_message();
        tokio::select! {
            message = messages.next() => message,
            () = &mut self.gone => None,
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
