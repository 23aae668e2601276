//! Rings when there may be work, or something to stop: the subscription of one sanjer to the channel of its lane and to
//! its own.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{Backoff, Lane, Queue, keys};
use crate::broker::BrokerError;

/// What rings.
#[derive(Debug)]
pub struct Bells {
    /// Whose own channel is heard.
    pub sanjer: String,
    /// There may be work.
    pub wake: Arc<Notify>,
    /// There may be something to stop.
    pub told: Arc<Notify>,
}

/// Rings for a spare's lane until `serve` ends, then for the pool's, until `stop`; and for what is told all the time.
///
/// After each (re)connection both ring once by themselves: what was published while nobody listened is not lost then.
pub async fn listen(
    queue: Queue,
    lane: Lane,
    pool: String,
    bells: Bells,
    serve: CancellationToken,
    stop: CancellationToken,
) {
    if lane == Lane::Alone {
        listen_to(&queue, &keys::wake_channel(Lane::Alone, &pool), &bells, &serve).await;
    }
    listen_to(&queue, &keys::wake_channel(Lane::Queue, &pool), &bells, &stop).await;
}

async fn listen_to(queue: &Queue, channel: &str, bells: &Bells, until: &CancellationToken) {
    let mut backoff = Backoff::default();
    while !until.is_cancelled() {
        tokio::select! {
            () = until.cancelled() => return,
            heard = hear(queue, channel, bells, &mut backoff) => {
                if let Err(error) = heard {
                    debug!(error = %error, "lost the wake-up subscription");
                }
            }
        }
        backoff.wait(until).await;
    }
}

async fn hear(queue: &Queue, channel: &str, bells: &Bells, backoff: &mut Backoff) -> Result<(), BrokerError> {
    let mut subscriber = queue.broker().pubsub().await?;
    let own = keys::stop_channel(&bells.sanjer);
    subscriber.subscribe(&[channel, own.as_str()]).await?;
    backoff.reset();
    bells.wake.notify_one();
    bells.told.notify_one();
    let mut messages = subscriber.into_on_message();
    while let Some(message) = messages.next().await {
        let bell = if message.get_channel_name() == own { &bells.told } else { &bells.wake };
        bell.notify_one();
    }
    Ok(())
}
