//! A supervisor says that it is there and which pools it shall run, so that a pool is missed whose sanjers are all gone.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::orders;
use crate::{config::PoolSize, watch::Watch};

/// Says so until `stop`, each time for a lease; then that it has left.
pub(super) async fn tell(watch: Watch, pools: BTreeMap<String, PoolSize>, lease: Duration, stop: CancellationToken) {
    let started_at = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let name = orders::name(&orders::host(), std::process::id(), started_at);
    let processes: BTreeMap<_, _> = pools.iter().map(|(pool, size)| (pool, size.processes)).collect();
    let (processes, lease_ms) = (json!(processes).to_string(), u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
    let mut tick = interval(lease / 3);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        if let Err(error) = watch.present(&name, lease_ms, &processes).await {
            debug!(%error, "cannot say that this host is there; will keep trying");
        }
    }
    if let Err(error) = watch.leave(&name).await {
        debug!(%error, "this host left without a word; it is missed until its lease is over");
    }
}
