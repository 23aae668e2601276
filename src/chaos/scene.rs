//! What happens between the first post and the end of the last job: acts, each at its time, and care for the hosts.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    ChaosError, Rehearsal,
    acts::{Act, Targets, acts},
    evidence::Strike,
    load::now_ms,
    stage::Stage,
};

/// How often hosts are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What goes on between the first act and the end.
pub(super) struct Scene<'a, T> {
    /// When the load began.
    begin: Instant,
    /// How far the clock of Redis is ahead of ours.
    ahead_ms: i64,
    /// The processes.
    pub(super) stage: &'a mut Stage,
    tell: &'a mut T,
    /// What was struck.
    pub(super) strikes: Vec<Strike>,
    /// Hosts that ended although nobody struck them.
    pub(super) by_itself: Vec<String>,
}

impl<'a, T: FnMut(Duration, &str)> Scene<'a, T> {
    /// The scene begins now.
    pub(super) fn begin(stage: &'a mut Stage, ahead_ms: i64, tell: &'a mut T) -> Self {
        Self { begin: Instant::now(), ahead_ms, stage, tell, strikes: Vec::new(), by_itself: Vec::new() }
    }

    /// Tells what happens, with the time.
    pub(super) fn say(&mut self, what: &str) {
        (self.tell)(self.begin.elapsed(), what);
    }

    /// Does all acts, each at its time.
    pub(super) async fn play(&mut self, rehearsal: &Rehearsal) -> Result<(), ChaosError> {
        let targets = Targets {
            every: rehearsal.every,
            hosts: rehearsal.hosts,
            redis: rehearsal.redis_url.is_none(),
            lease: rehearsal.lease,
        };
        for act in acts(rehearsal.seed, rehearsal.duration, targets) {
            self.wait_until(self.begin + act.at).await?;
            self.act(&act).await;
        }
        self.wait_until(self.begin + rehearsal.duration).await
    }

    async fn act(&mut self, act: &Act) {
        let before_ms = now_ms();
        let Some(struck) = self.stage.strike(act.kind, act.pick, act.lasts).await else {
            return self.say(&format!("{}: nobody is there to be struck", act.kind));
        };
        self.say(&struck.what);
        // The question for the pid of redis-server takes a moment; the death comes after it.
        let at_ms = if struck.sanjers.is_empty() { now_ms() } else { before_ms } + self.ahead_ms;
        let lasts_ms = i64::try_from(act.lasts.as_millis()).unwrap_or(i64::MAX);
        let until_ms = act.kind.is_stall().then(|| at_ms.saturating_add(lasts_ms));
        self.strikes.push(Strike { kind: act.kind, at_ms, until_ms, sanjers: struck.sanjers });
    }

    /// Looks after the hosts until `end`.
    async fn wait_until(&mut self, end: Instant) -> Result<(), ChaosError> {
        while Instant::now() < end {
            let look = Instant::now() + LOOK;
            let next = self.stage.next().map_or(look, |next| next.min(look));
            sleep_until(next.min(end)).await;
            self.tend()?;
        }
        Ok(())
    }

    /// Looks after the hosts until `work` is done.
    pub(super) async fn meanwhile<R>(&mut self, work: impl Future<Output = R>) -> Result<R, ChaosError> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = sleep(LOOK) => self.tend()?,
            }
        }
    }

    fn tend(&mut self) -> Result<(), ChaosError> {
        for tended in self.stage.tend()? {
            self.say(&tended.what);
            if !tended.allowed {
                self.by_itself.push(tended.what);
            }
        }
        Ok(())
    }
}
