//! Ends jobs that waited too long and deletes finished ones whose time is over, on every host alike.
//!
//! It goes on without a pause while there is something to do, in bounded calls one after the other: so it keeps up with
//! as many jobs as the host can run, and never holds Redis for long.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{broker::BrokerError, queue::Queue};

/// How long it rests when there is nothing to do.
const REST: Duration = Duration::from_secs(1);

/// Cleans until `stop`.
pub(super) async fn run(queue: Queue, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match round(&queue).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => debug!(error = %error, "cannot clean; will keep trying"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(REST) => {}
        }
    }
}

/// Whether there may be more to do.
async fn round(queue: &Queue) -> Result<bool, BrokerError> {
    let mut more = false;
    for shard in queue.shards() {
        // Together: mostly there is nothing, and to ask twice would wake Redis twice.
        let (ended, cleaned) = tokio::try_join!(queue.end_overstayed(shard), queue.clean(shard))?;
        more |= ended || cleaned;
    }
    Ok(more)
}
