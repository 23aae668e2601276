//! The loop of the job.

use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tracing::warn;

use super::{
    aggregator::Aggregator,
    known::{Known, News, When},
    poll::{Polled, Rhythm, poll},
    tell::{Report, Teller},
};
use crate::{
    broker::BrokerError,
    network::{
        ask::Terms,
        discovery::{Ours, Search, Step},
        model::Node,
        plan::{Plan, Target},
        store::Store,
    },
    platform::{Context, Failure, Result, Tag},
};

/// How often the right to write is renewed, and others' nodes are read.
const BEAT: Duration = Duration::from_secs(1);
/// Answers that may wait; then nodes are asked more slowly.
const WAITING: usize = 256;
/// Answers that are taken in before anything else is done.
const PIECE: usize = 64;
/// Bytes of answers that are kept as they came.
const MAX_RAW: usize = 16 << 20;
/// How long the one who aggregates may take to take in what this job found last.
const PATIENCE: Duration = Duration::from_secs(15);

/// A job at work.
struct Watch<'a> {
    job: &'a Context,
    plan: &'a Plan,
    known: Known,
    aggregator: Aggregator,
    teller: Teller,
    polls: JoinSet<()>,
    says: mpsc::Sender<Polled>,
    /// What nodes said and is not written yet.
    unwritten: Vec<(Arc<Node>, Duration)>,
    /// Bytes of answers that are kept as they came.
    raw: usize,
    search: Option<Search>,
    /// When all rounds are over; never, if they are for ever.
    end: Option<Instant>,
    /// Whether the last call to the store failed.
    is_cut_off: bool,
}

/// Polls until the rounds are over, or the job is told to stop.
pub async fn watch(job: &Context, plan: &Plan) -> Result<Report> {
    for (place, target) in plan.targets.iter().enumerate() {
        // What may not be asked at all is told before anything is.
        let admitted = job.http().policy().admit(&target.url);
        admitted.map_err(|refusal| Failure::settings(format!("/nodes/{place}"), refusal.to_string()))?;
    }
    let store = Store::new(job.redis()?.broker.clone(), plan.prefix.clone());
    let (says, mut said) = mpsc::channel(WAITING);
    let rounds = u32::try_from(plan.rounds).unwrap_or(u32::MAX);
    let end =
        (plan.rounds > 0).then(|| Instant::now() + plan.interval.saturating_mul(rounds).min(Duration::from_hours(24)));
    let mut watch = Watch {
        job,
        plan,
        known: Known::default(),
        aggregator: Aggregator::new(store, format!("{}:{}", job.id(), job.lease())),
        teller: Teller::default(),
        polls: JoinSet::new(),
        says,
        unwritten: Vec::new(),
        raw: 0,
        search: None,
        end,
        is_cut_off: false,
    };
    job.metadata("prefix", plan.prefix.to_string()).await;
    let ran = watch.run(&mut said).await;
    watch.polls.abort_all();
    watch.aggregator.leave().await;
    ran?;
    watch.report().await
}

impl Watch<'_> {
    async fn run(&mut self, said: &mut mpsc::Receiver<Polled>) -> Result<()> {
        self.beat().await;
        for target in &self.plan.targets {
            self.begin(target.clone(), When::First);
        }
        self.search().await?;
        let (mut beat, mut say) = (interval(BEAT), interval(BEAT));
        for ticks in [&mut beat, &mut say] {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        while !self.known.is_done() {
            let (due, search, cancelled) = (self.aggregator.due(), &mut self.search, self.job.cancelled());
            let proceed = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let searched = async {
                match search {
                    Some(search) => search.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Stopping comes first, and merging before what would make the next merge larger.
                biased;
                () = cancelled.cancelled() => {
                    return Err(stopped());
                }
                () = proceed => self.proceed().await,
                written = self.aggregator.written() => self.heed(written),
                _ = beat.tick() => self.beat().await,
                _ = say.tick() => self.say().await,
                step = searched => self.search_on(step).await,
                Some(polled) = said.recv() => {
                    self.note(polled).await?;
                    for _ in 0..PIECE {
                        let Ok(polled) = said.try_recv() else { break };
                        self.note(polled).await?;
                    }
                    self.write().await;
                }
            }
        }
        self.conclude().await
    }

    fn begin(&mut self, target: Target, when: When) {
        if !self.known.add(target.url.as_str(), when) {
            return;
        }
        let terms =
            Terms { timeout: self.plan.timeout, max_body: self.plan.max_body, network: self.plan.network.clone() };
        let Plan { interval, life, rounds, .. } = *self.plan;
        let rhythm = Rhythm { terms, interval, life, rounds, end: self.end };
        self.polls.spawn(poll(self.job.http().clone(), target, rhythm, self.says.clone()));
    }

    /// Begins to look for further nodes, if it shall.
    async fn search(&mut self) -> Result<()> {
        let (Some(rules), Some(sample)) = (self.plan.discovery.clone(), self.plan.targets.first().cloned()) else {
            return Ok(());
        };
        let (http, store) = (self.job.http().clone(), self.aggregator.store().clone());
        self.search = Some(Search::begin(rules, http, store, sample, self.plan.max_body).await?);
        Ok(())
    }

    async fn search_on(&mut self, step: Step) {
        let now = self.aggregator.now();
        let Some(search) = &mut self.search else { return };
        let done = match step {
            Step::Try => {
                let network = self.plan.network.clone().or_else(|| self.known.network());
                let ours = Ours { hosts: &self.known.hosts(), ids: &self.known.ids(), network };
                search.try_next(&ours, now).await
            }
            Step::Ended(probed) => {
                let (found, done) = search.note(probed, now).await;
                if let Some(target) = found {
                    self.job.log(format!("found the node {}", target.url)).await;
                    self.begin(target, When::Later);
                }
                done
            }
        };
        self.heed(done);
    }

    /// Takes in what came of a poll.
    async fn note(&mut self, polled: Polled) -> Result<()> {
        let mut before = None;
        if let (Ok(answer), true) = (&polled.said, self.known.is_new(&polled.url)) {
            // What was told of it before this job began; without that, its starts are read anew.
            before = self.aggregator.store().node(&answer.status.node.id).await.ok().flatten();
        }
        let (url, was_complete) = (polled.url.clone(), self.known.is_complete());
        let news = self.known.note(polled, before.as_ref());
        if !was_complete && self.known.is_complete() {
            self.aggregator.mark();
        }
        let Some(News { node, was, life, differs, hints, raw }) = news else { return Ok(()) };
        for id in was.iter().chain([&node.id]) {
            self.aggregator.hear(&self.known, id);
        }
        if let (Some(search), true) = (&mut self.search, differs) {
            search.hear(&hints, self.aggregator.now());
        }
        if differs {
            self.aggregator.mark();
        }
        self.aggregator.checked();
        self.unwritten.push((node, life));
        match raw {
            Some(raw) => self.keep(&url, &raw).await,
            None => Ok(()),
        }
    }

    /// Keeps an answer as it came.
    async fn keep(&mut self, url: &str, raw: &[u8]) -> Result<()> {
        self.raw += raw.len();
        let text = std::str::from_utf8(raw).ok().filter(|_| self.raw <= MAX_RAW);
        let Some(status) = text.and_then(|text| RawValue::from_string(text.to_owned()).ok()) else { return Ok(()) };
        self.job.dataset(Tag::Original, &[serde_json::json!({ "url": url, "status": status })]).await
    }

    async fn write(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        let written = self.aggregator.store().put_nodes(&self.unwritten, self.aggregator.now()).await;
        // What could not be written is said again at the next poll.
        self.unwritten.clear();
        self.heed(written);
    }

    async fn proceed(&mut self) {
        let told = self.aggregator.proceed(&self.known).await;
        self.heed(told);
    }

    async fn beat(&mut self) {
        for id in self.known.expire() {
            self.aggregator.hear(&self.known, &id);
        }
        let held = self.aggregator.beat(&self.known).await;
        self.heed(held);
    }

    async fn say(&mut self) {
        let said = self.teller.say(self.job, self.plan, &self.known, &self.aggregator, self.search.as_ref()).await;
        self.heed(said);
    }

    /// Polling goes on without the store; that it is away is said once.
    fn heed(&mut self, done: std::result::Result<(), BrokerError>) {
        match done {
            Ok(()) => self.is_cut_off = false,
            Err(error) if !self.is_cut_off => {
                warn!(%error, prefix = %self.plan.prefix, "the network's store cannot be reached; will keep trying");
                self.is_cut_off = true;
            }
            Err(_) => {}
        }
    }

    /// All rounds are over: what they brought is told, by this job or by the one that aggregates.
    async fn conclude(&mut self) -> Result<()> {
        self.say().await;
        if self.known.holding().next().is_none() {
            return Err(Failure::transient("no_node_answered", "none of the nodes answered as a node does"));
        }
        let written = self.aggregator.now();
        let told = timeout(PATIENCE, async {
            loop {
                self.aggregator.beat(&self.known).await?;
                if self.aggregator.reigns() {
                    self.aggregator.finish(&self.known).await?;
                    self.aggregator.beat(&self.known).await?;
                    if self.aggregator.reigns() {
                        return Ok::<_, BrokerError>(());
                    }
                } else if self.aggregator.store().read().await?.checked_at_ms > written + 1000 {
                    return Ok(());
                }
                tokio::time::sleep(BEAT / 5).await;
            }
        });
        let told = tokio::select! {
            told = told => told,
            () = self.job.cancelled().cancelled() => return Err(stopped()),
        };
        match told {
            Ok(told) => Ok(told?),
            Err(_) => {
                Err(Failure::transient("not_aggregated", "another job aggregates this network, and does not do it"))
            }
        }
    }

    async fn report(&mut self) -> Result<Report> {
        let stored = self.aggregator.store().read().await?;
        if let Ok(network) = RawValue::from_string(stored.json.clone()) {
            self.job.dataset(Tag::Processed, &[network]).await?;
        }
        let report = self.teller.report(self.plan, &self.known, &self.aggregator, self.search.as_ref(), &stored);
        self.job.progress(1.0, report.summary()).await;
        Ok(report)
    }
}

fn stopped() -> Failure {
    Failure::transient("stopped", "polling was stopped before its end")
}
