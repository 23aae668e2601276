//! The one reader of a Network's events.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Feed, Feeds, latest::Latest};
use crate::{
    broker::{BrokerError, Connection},
    network::store::Store,
    queue::Backoff,
};

/// How long one read waits, and how long it may take in all.
const BLOCK: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));
/// Entries read at once.
const ENTRIES: usize = 100;

/// Reads until nobody follows any more, through restarts of Redis.
pub(super) async fn read(feeds: Feeds, store: Store, feed: Feed) {
    let mut connection = store.broker().dedicated(BLOCK.1);
    let (never, mut backoff) = (CancellationToken::new(), Backoff::default());
    let mut position: Option<String> = None;
    while feeds.is_followed(store.prefix()) {
        let step = async {
            if let Some(position) = &position {
                wait(&mut connection, &store, position).await?;
            }
            // Whatever has happened, this is what there is now; it also finds what a lost event would have told.
            let known = feed.borrow().as_ref().map_or(0, |latest| latest.revision);
            store.news(known).await
        };
        match step.await {
            Ok(news) => {
                position = Some(news.last_event.clone());
                feed.send_if_modified(|latest| {
                    let next = Latest::after(latest.as_deref(), news);
                    let is_new = latest.as_deref().is_none_or(|latest| next.is_other_than(latest));
                    if is_new {
                        *latest = Some(Arc::new(next));
                    }
                    is_new
                });
                backoff.reset();
            }
            Err(error) => {
                tracing::debug!(%error, prefix = %store.prefix(), "cannot read the network; will keep trying");
                position = None;
                backoff.wait(&never).await;
            }
        }
    }
}

/// Waits until something happens after `position`, or for a while.
async fn wait(connection: &mut Connection, store: &Store, position: &str) -> Result<(), BrokerError> {
    let mut command = redis::cmd("XREAD");
    command.arg("COUNT").arg(ENTRIES).arg("BLOCK").arg(BLOCK.0.as_secs() * 1000);
    command.arg("STREAMS").arg(store.events_key()).arg(position);
    let _: redis::Value = command.query_async(connection).await?;
    Ok(())
}
