//! What a sanjer tells of itself: whether it takes jobs, what it uses, and the times it has measured.
//!
//! Written once a second if there is anything new, and every call counts once, however often it has to be repeated.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{
    orders::{Orders, Word},
    warden::Usage,
};
use crate::{
    broker::BrokerError,
    queue::Lane,
    watch::{Ask, State, Tally, Watch},
};

/// How often it looks whether there is anything to tell.
const ROUND: Duration = Duration::from_secs(1);
/// Rounds from one measurement of memory and processor time to the next.
const MEASURED: u64 = 5;
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What decides whether a sanjer takes jobs. Cheap to clone.
#[derive(Clone)]
pub(super) struct Standing {
    /// What it was started for.
    lane: Lane,
    orders: Orders,
    quiet: watch::Sender<bool>,
}

impl Standing {
    pub(super) fn new(lane: Lane, orders: Orders) -> Self {
        Self { lane, orders, quiet: watch::Sender::new(false) }
    }

    /// Follows whether it shall be quiet.
    pub(super) fn quiet(&self) -> watch::Receiver<bool> {
        self.quiet.subscribe()
    }

    /// Which jobs it runs now.
    pub(super) fn lane(&self) -> Lane {
        if self.orders.serve.is_cancelled() { Lane::Queue } else { self.lane }
    }

    pub(super) fn state(&self) -> State {
        if self.orders.retire.is_cancelled() || self.orders.drain.is_cancelled() {
            return State::Retiring;
        }
        match self.lane() {
            _ if *self.quiet.borrow() => State::Quiet,
            Lane::Queue => State::Serving,
            Lane::Alone => State::Spare,
        }
    }

    /// Does what somebody asked for.
    fn obey(&self, ask: Ask) {
        info!(ask = ask.as_str(), "was asked");
        match ask {
            Ask::Quiet => drop(self.quiet.send_replace(true)),
            Ask::Resume => drop(self.quiet.send_replace(false)),
            // Its supervisor sees to it that nothing is missing meanwhile.
            Ask::Recycle => Word::Worn.say(),
        }
    }

    /// A quiet spare that has to take somebody's place serves.
    pub(super) async fn serve_aloud(&self) {
        if self.lane == Lane::Alone {
            self.orders.serve.cancelled().await;
            self.quiet.send_replace(false);
        }
    }
}

/// What was last asked of a sanjer. It is read again and again, and done once.
#[derive(Debug, Default)]
pub(super) struct Asked(String);

impl Asked {
    /// `asked` is what to do and a number.
    pub(super) fn hear(&mut self, asked: String, standing: &Standing) {
        if self.0 == asked {
            return;
        }
        if let Some(ask) = asked.split(' ').next().and_then(Ask::parse) {
            standing.obey(ask);
        }
        self.0 = asked;
    }
}

/// Tells of one sanjer.
pub(super) struct Vitals {
    pub(super) watch: Watch,
    pub(super) name: String,
    pub(super) pool: String,
    pub(super) standing: Standing,
    pub(super) tally: Tally,
}

/// A call that has to be made until it is answered.
struct Call {
    number: u64,
    fields: Vec<(&'static str, String)>,
    counts: Vec<(String, u64)>,
}

impl Vitals {
    /// Tells until `stop`; then what is left.
    pub(super) async fn tell(self, stop: CancellationToken) {
        let mut tick = interval(ROUND);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut number, mut round, mut told) = (0, 0, Vec::new());
        let mut call: Option<Call> = None;
        while !stop.is_cancelled() {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => {}
            }
            let fields = self.fields(round % MEASURED == 0);
            round += 1;
            let next = || {
                let fields: Vec<_> = fields.into_iter().filter(|field| !told.contains(field)).collect();
                let counts = self.tally.take(&self.pool);
                (!fields.is_empty() || !counts.is_empty()).then(|| {
                    number += 1;
                    Call { number, fields, counts }
                })
            };
            call = call.take().or_else(next);
            let Some(made) = &call else { continue };
            let fields = made.fields.clone();
            match timeout(LAST_WORDS, self.make(made)).await {
                Ok(Ok(())) => {
                    told.retain(|(name, _)| fields.iter().all(|(new, _)| new != name));
                    told.extend(fields);
                    call = None;
                }
                Ok(Err(error)) => debug!(%error, "cannot tell how this sanjer is; will keep trying"),
                Err(_) => debug!("redis takes too long to hear how this sanjer is; will keep trying"),
            }
        }
        // What was counted while the last call was under way.
        let counts = self.tally.take(&self.pool);
        if call.is_none() && !counts.is_empty() {
            timeout(LAST_WORDS, self.make(&Call { number: number + 1, fields: Vec::new(), counts })).await.ok();
        }
    }

    async fn make(&self, call: &Call) -> Result<(), BrokerError> {
        self.watch.gather(&self.name, call.number, &call.fields, &call.counts).await.map(drop)
    }

    fn fields(&self, measured: bool) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("state", self.standing.state().as_str().to_owned()),
            ("lane", self.standing.lane().as_str().to_owned()),
        ];
        if measured {
            let usage = Usage::now();
            fields.extend([("rss", usage.rss.to_string()), ("cpu_ms", usage.cpu.as_millis().to_string())]);
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_done_once() {
        let standing = Standing::new(Lane::Queue, Orders::default());
        let mut asked = Asked::default();
        for (heard, state) in [
            ("quiet 1", State::Quiet),
            ("resume 2", State::Serving),
            ("quiet 3", State::Quiet),
            ("dance 4", State::Quiet),
            ("resume 5", State::Serving),
        ] {
            asked.hear(heard.into(), &standing);
            assert_eq!(standing.state(), state, "{heard}");
        }
        standing.quiet.send_replace(true);
        asked.hear("resume 5".into(), &standing);
        assert_eq!(standing.state(), State::Quiet, "that was done before");
        standing.orders.retire.cancel();
        assert_eq!(standing.state(), State::Retiring);
    }

    #[tokio::test]
    async fn a_quiet_spare_serves_aloud() {
        let standing = Standing::new(Lane::Alone, Orders::default());
        assert_eq!((standing.state(), standing.lane()), (State::Spare, Lane::Alone));
        Asked::default().hear("quiet 1".into(), &standing);
        assert_eq!(standing.state(), State::Quiet);
        standing.orders.serve.cancel();
        standing.serve_aloud().await;
        assert_eq!((standing.state(), standing.lane()), (State::Serving, Lane::Queue));
    }
}
