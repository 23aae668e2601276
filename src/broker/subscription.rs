//! What is published, for those who listen.

use std::{fmt, pin::Pin};

use futures_util::{Stream, StreamExt as _};
use redis::{Msg, ToRedisArgs, aio::PubSub};

use super::BrokerError;

/// A connection for subscriptions.
pub struct Subscription {
    pubsub: PubSub,
    /// Ends when what is published may be told elsewhere from now on.
    gone: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Subscription {
    pub(super) fn new(pubsub: PubSub, gone: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { pubsub, gone: Box::pin(gone) }
    }

    /// Listens to a channel, or to several, too.
    pub async fn subscribe(&mut self, channels: impl ToRedisArgs) -> Result<(), BrokerError> {
        Ok(self.pubsub.subscribe(channels).await?)
    }

    /// What is published. It ends when the server has gone, or when another took its place: then ask for a new
    /// subscription.
    pub fn into_on_message(self) -> impl Stream<Item = Msg> + Unpin + Send {
        self.pubsub.into_on_message().take_until(self.gone)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
