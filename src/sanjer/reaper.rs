//! Does for other hosts what `wait` does for this one: gives back what a sanjer held whose lease ran out. Also
//! deletes finished jobs whose time is over.
//!
//! After an outage or a stall of Redis nobody could renew a lease, so nobody is to be declared dead for it: the
//! reaper acts only after one whole lease of unbroken contact.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    broker::BrokerError,
    job::Shard,
    queue::{Blame, Queue},
};

/// Reaps and cleans until `stop`.
pub(super) async fn run(queue: Queue, lease: Duration, stop: CancellationToken) {
    let period = (lease / 5).min(Duration::from_secs(1));
    // A round that takes longer than this is a break in the contact.
    let patience = 2 * period;
    let mut tick = interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut contact_since: Option<Instant> = None;
    let mut last_round = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let allowed = contact_since.is_some_and(|since| since.elapsed() >= lease);
        match timeout(patience, round(&queue, allowed)).await {
            Ok(Ok(())) if last_round.elapsed() <= period + patience => {
                contact_since.get_or_insert_with(Instant::now);
            }
            Ok(Ok(())) => contact_since = Some(Instant::now()),
            Ok(Err(error)) => {
                debug!(error = %error, "no contact with redis");
                contact_since = None;
            }
            Err(_) => contact_since = None,
        }
        last_round = Instant::now();
    }
}

async fn round(queue: &Queue, may_reap: bool) -> Result<(), BrokerError> {
    for shard in queue.shards() {
        for sanjer in queue.expired(shard).await? {
            if may_reap {
                reap(queue, shard, &sanjer).await?;
            }
        }
        queue.clean(shard).await?;
    }
    Ok(())
}

async fn reap(queue: &Queue, shard: Shard, sanjer: &str) -> Result<(), BrokerError> {
    let jobs = queue.release(shard, sanjer, Blame::Nobody, "null").await?;
    warn!(sanjer, jobs, "a sanjer's lease ran out; its jobs go back");
    Ok(())
}
