//! Does for other hosts what `wait` does for this one: gives back what a sanjer held whose lease ran out. Looks after
//! this host's sanjers: one that was declared dead, or that does not stop what it must, is killed.
//!
//! After an outage or a stall of Redis nobody could renew a lease, so nobody is to be declared dead for it: the
//! reaper acts only after one whole lease of unbroken contact.

use std::time::Duration;

use serde_json::json;
use tokio::{
    sync::broadcast,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::supervisor::{Order, Roster};
use crate::{
    broker::BrokerError,
    job::Shard,
    queue::{Blame, Death, Queue},
    watch::{self, Watch},
};

pub(super) struct Reaper {
    pub(super) watch: Watch,
    pub(super) queue: Queue,
    pub(super) lease: Duration,
    /// This host's sanjers.
    pub(super) roster: Roster,
    pub(super) orders: broadcast::Sender<Order>,
}

impl Reaper {
    /// Goes its rounds until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let period = (self.lease / 5).min(Duration::from_secs(1));
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
            let allowed = contact_since.is_some_and(|since| since.elapsed() >= self.lease);
            match timeout(patience, self.round(allowed)).await {
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

    async fn round(&self, may_reap: bool) -> Result<(), BrokerError> {
        let ours = self.roster.names();
        for shard in self.queue.shards() {
            for sanjer in self.queue.expired(shard).await? {
                if may_reap {
                    self.reap(shard, &sanjer).await?;
                    if ours.contains(&sanjer) {
                        self.order(Order::Condemn(sanjer));
                    }
                }
            }
            for sanjer in self.queue.overdue(shard, &ours).await? {
                self.order(Order::Overdue(sanjer));
            }
        }
        Ok(())
    }

    fn order(&self, order: Order) {
        // Nobody listens any more only when all pools have ended.
        self.orders.send(order).ok();
    }

    async fn reap(&self, shard: Shard, sanjer: &str) -> Result<(), BrokerError> {
        let certificate = json!({
            "sanjer": sanjer,
            "cause": format!("its lease ran out: nothing was heard of it for {} s", self.lease.as_secs()),
            "oom": false,
            "at": format!("{:.3}", jiff::Timestamp::now()),
        });
        let certificate = certificate.to_string();
        let held = self.queue.held_by(sanjer).await?;
        let death = watch::Death { sanjer, pool: "", certificate: &certificate, held: &held };
        if let Err(error) = self.watch.died(&death).await {
            warn!(%error, sanjer, "how a sanjer died is not kept");
        }
        let death = Death { blame: Blame::Nobody, certificate, ..Death::of_nobody(sanjer) };
        let jobs = self.queue.release(shard, &death).await?;
        warn!(sanjer, jobs, "a sanjer's lease ran out; its jobs go back");
        Ok(())
    }
}
