//! Rings when there may be work: the subscription of one sanjer to the channel of its lane.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{Backoff, Lane, Queue, keys};
use crate::broker::BrokerError;

/// Rings `bell` for every wake-up of a spare's lane until `serve` ends, then for the pool's, until `stop`.
///
/// After each (re)connection it rings once by itself: what was published while nobody listened is not lost then.
pub async fn listen(
    queue: Queue,
    lane: Lane,
    pool: String,
    bell: Arc<Notify>,
    serve: CancellationToken,
    stop: CancellationToken,
) {
    if lane == Lane::Alone {
        listen_to(&queue, &keys::wake_channel(Lane::Alone, &pool), &bell, &serve).await;
    }
    listen_to(&queue, &keys::wake_channel(Lane::Queue, &pool), &bell, &stop).await;
}

async fn listen_to(queue: &Queue, channel: &str, bell: &Notify, until: &CancellationToken) {
    let mut backoff = Backoff::default();
    while !until.is_cancelled() {
        tokio::select! {
            () = until.cancelled() => return,
            heard = hear(queue, channel, bell, &mut backoff) => {
                if let Err(error) = heard {
                    debug!(error = %error, "lost the wake-up subscription");
                }
            }
        }
        backoff.wait(until).await;
    }
}

async fn hear(queue: &Queue, channel: &str, bell: &Notify, backoff: &mut Backoff) -> Result<(), BrokerError> {
    let mut subscriber = queue.broker().pubsub().await?;
    subscriber.subscribe(channel).await?;
    backoff.reset();
    bell.notify_one();
    let mut messages = subscriber.into_on_message();
    while messages.next().await.is_some() {
        bell.notify_one();
    }
    Ok(())
}
