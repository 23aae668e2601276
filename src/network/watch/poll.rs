//! The task of one node: it asks, says what came of it, and waits.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    network::{
        ask::{Answer, AskError, Terms, ask},
        pace,
        plan::Target,
    },
    outbound::Client,
};

/// What came of one poll.
#[derive(Debug)]
pub(super) struct Polled {
    /// Which node.
    pub(super) url: String,
    /// What it said.
    pub(super) said: Result<Answer, AskError>,
    /// How long what it said holds.
    pub(super) life: Duration,
    /// Whether it was the last poll of this node.
    pub(super) is_last: bool,
}

/// How often, how long.
#[derive(Clone, Debug)]
pub(super) struct Rhythm {
    pub(super) terms: Terms,
    pub(super) interval: Duration,
    pub(super) life: Duration,
    /// Polls of each node, 0 for ever.
    pub(super) rounds: u64,
    /// Then nobody who was asked at all is asked again; nobody who fails makes a job last longer.
    pub(super) end: Option<Instant>,
}

/// Polls until it is over, or nobody listens any more.
pub(super) async fn poll(http: Client, target: Target, rhythm: Rhythm, said: mpsc::Sender<Polled>) {
    let (mut failures, mut polls) = (0_u32, 0_u64);
    loop {
        let began = Instant::now();
        let answer = ask(&http, &target, &rhythm.terms).await;
        polls += 1;
        failures = if answer.is_ok() { 0 } else { failures.saturating_add(1) };
        let asked_for = answer.as_ref().err().and_then(AskError::retry_after).unwrap_or_default();
        let delay = pace::spread(pace::delay(rhythm.interval, failures).max(asked_for), rand::random());
        let next = (began + delay).max(Instant::now());
        let is_last = polls == rhythm.rounds || rhythm.end.is_some_and(|end| next > end);
        let life = pace::life(rhythm.life, delay, rhythm.terms.timeout);
        let polled = Polled { url: target.url.to_string(), said: answer, life, is_last };
        if said.send(polled).await.is_err() || is_last {
            return;
        }
        sleep_until(next).await;
    }
}
