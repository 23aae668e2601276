//! The parent of this host's sanjers.

use std::{collections::BTreeMap, time::Duration};

use tokio::{task::JoinSet, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use super::{pool::Pool, reaper};
use crate::{
    config::{Config, PoolSize},
    queue::Queue,
};

/// How long a stopping supervisor keeps trying to hand jobs back before it leaves them to the lease.
const LAST_HAND_BACKS: Duration = Duration::from_secs(5);

/// A running supervisor.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    pools: JoinSet<()>,
    hand_backs: TaskTracker,
}

/// Starts the sanjers of `pools` and watches them. `config.redis.url` must be the one in use: it is what they connect to.
pub fn supervise(config: &Config, queue: &Queue, pools: &BTreeMap<String, PoolSize>) -> Supervisor {
    let stop = CancellationToken::new();
    let hand_backs = TaskTracker::new();
    let mut running = JoinSet::new();
    for (name, size) in pools {
        let pool = Pool {
            name: name.clone(),
            size: *size,
            config: config.clone(),
            queue: queue.clone(),
            stop: stop.clone(),
            hand_backs: hand_backs.clone(),
        };
        running.spawn(pool.run());
    }
    running.spawn(reaper::run(queue.clone(), config.queue.lease.0, stop.clone()));
    Supervisor { stop, pools: running, hand_backs }
}

impl Supervisor {
    /// Drains every sanjer: running jobs get their grace, the rest is handed back.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.pools.join_next().await.is_some() {}
        self.hand_backs.close();
        if timeout(LAST_HAND_BACKS, self.hand_backs.wait()).await.is_err() {
            warn!("redis did not take every hand-back; the rest returns by the lease");
        }
        info!("all sanjers ended");
    }
}
