//! One complete crawl: asks until nobody is left, and writes down what was told.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use enr::NodeId;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, interval_at},
};

use super::{
    address::Reach,
    asker::{AskError, Asker, Patience, StartError},
    bootnodes,
    drain::{Told, drain},
    frontier::{Frontier, State},
    record::{Row, hex},
    report::{End, Report, Tally, fraction, milliseconds},
    saved::Saved,
};
use crate::platform::{Context, Failure, Result, Tag};

/// How often a crawl says how far it is.
const SAY: Duration = Duration::from_millis(500);
/// How often it says where it is.
const SAVE: Duration = Duration::from_secs(2);
/// Rows kept back until they are worth a write.
const ROWS: usize = 200;

/// What bounds a crawl.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes asked at the same time.
    pub concurrency: usize,
    /// How long to wait for one answer.
    pub request_timeout: Duration,
    /// How often an unanswered question is asked again.
    pub retries: u8,
    /// Nodes that are followed; more are not.
    pub max_nodes: usize,
    /// How long the crawl may take.
    pub max_duration: Duration,
}

/// Crawls from these bootnodes (`enr:…`; none means those of Ethereum mainnet).
pub async fn crawl(job: &Context, bootnodes: &[String], limits: Limits) -> Result<Report> {
    let (bootnodes, reach) = bootnodes::choose(bootnodes, job.network())?;
    let asker = Asker::start(reach, Patience { timeout: limits.request_timeout, retries: limits.retries }).await?;
    let mut crawl = Crawl {
        job,
        limits,
        reach,
        asker: Arc::new(asker),
        frontier: Frontier::new(reach, limits.max_nodes),
        before: Duration::ZERO,
        tally: Tally::default(),
        is_saved: true,
        rows: Vec::new(),
        asking: JoinSet::new(),
    };
    if let Some(saved) = job.resume::<Saved>() {
        crawl.frontier = saved.frontier(reach, limits.max_nodes);
        (crawl.before, crawl.tally) = (saved.took(), saved.tally);
        crawl.tally.resumed = crawl.frontier.counts().asked;
        job.log(format!("going on where an earlier run was: {} nodes are asked already", crawl.tally.resumed)).await;
    } else {
        job.progress(0.0, format!("asking {} bootnodes", bootnodes.len())).await;
    }
    for record in bootnodes {
        crawl.frontier.hear(record);
    }
    crawl.run().await
}

struct Crawl<'a> {
    job: &'a Context,
    limits: Limits,
    reach: Reach,
    asker: Arc<Asker>,
    frontier: Frontier,
    /// How long earlier runs took.
    before: Duration,
    tally: Tally,
    /// Whether it says where it is; not once there is too much to say.
    is_saved: bool,
    /// Nodes that answered and are not in the dataset yet.
    rows: Vec<Row>,
    asking: JoinSet<Asked>,
}

/// A node and what came of asking it.
type Asked = (NodeId, Result<Told, AskError>);

impl Crawl<'_> {
    async fn run(mut self) -> Result<Report> {
        let start = Instant::now();
        let time_up = tokio::time::sleep(self.limits.max_duration.saturating_sub(self.before));
        tokio::pin!(time_up);
        let (mut say, mut save) = (interval(SAY), interval_at((start + SAVE).into(), SAVE));
        say.set_missed_tick_behavior(MissedTickBehavior::Delay);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            self.ask_more();
            if self.asking.is_empty() && self.frontier.exhausted() {
                break End::Exhausted;
            }
            tokio::select! {
                // Stopping comes first: a flood of answers must not delay it.
                biased;
                () = self.job.cancelled().cancelled() => {
                    self.save(start.elapsed()).await?;
                    return Err(Failure::transient("stopped", "the crawl was stopped before its end"));
                }
                () = &mut time_up => break End::TimeUp,
                _ = say.tick() => self.say().await,
                _ = save.tick(), if self.is_saved => self.save(start.elapsed()).await?,
                // Nobody asked and somebody waiting cannot be: whoever waits is taken when nobody is busy.
                Some(asked) = self.asking.join_next() => {
                    let (id, told) = asked.map_err(|error| Failure::fatal("crawl_task", error.to_string()))?;
                    self.note(&id, told).await?;
                }
            }
        };
        self.asking.abort_all();
        let took = self.before + start.elapsed();
        self.finish(end, took).await
    }

    /// Keeps as many nodes being asked as may be.
    fn ask_more(&mut self) {
        while self.asking.len() < self.limits.concurrency {
            let Some(node) = self.frontier.next() else { return };
            let (asker, reach) = (Arc::clone(&self.asker), self.reach);
            self.asking.spawn(async move { (node.node_id(), drain(&asker, reach, &node).await) });
        }
    }

    /// Takes in what a node told.
    async fn note(&mut self, id: &NodeId, told: Result<Told, AskError>) -> Result<()> {
        let told = told.map_err(|error| Failure::transient("discovery_stopped", error.to_string()))?;
        self.tally.bad_records += told.bad_records;
        let Some(rtt) = told.rtt else {
            self.frontier.unanswered(id);
            return Ok(());
        };
        self.tally.records_updated += u64::from(self.frontier.answered(id, told.own));
        if let Some(record) = self.frontier.record(id) {
            self.tally.reachable(record);
            self.rows.push(Row {
                reachable: Some(true),
                rtt_ms: Some(milliseconds(rtt)),
                neighbours: told.neighbours.keys().map(|id| hex(id)).collect(),
                ..Row::unasked(record)
            });
        }
        for record in told.neighbours.into_values() {
            self.frontier.hear(record);
        }
        if self.rows.len() >= ROWS { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<()> {
        self.job.dataset(Tag::Processed, &std::mem::take(&mut self.rows)).await
    }

    /// Says where the crawl is: whoever runs the job after this run goes on from here. The rows go first, so that they
    /// are the job's when it does.
    async fn save(&mut self, ran: Duration) -> Result<()> {
        self.write().await?;
        let saved = Saved::new(&self.frontier, &self.tally, self.before + ran);
        if let Err(failure) = self.job.checkpoint(&saved).await {
            self.is_saved = false;
            self.job.log(format!("from now on, an interrupted run begins anew: {failure}")).await;
        }
        Ok(())
    }

    async fn say(&self) {
        let counts = self.frontier.counts();
        let message = format!(
            "{} of {} nodes asked: {} reachable, {} unreachable, {} refused",
            counts.asked, counts.known, counts.reachable, counts.unreachable, counts.refused
        );
        // The last step is writing.
        self.job.progress(fraction(counts.asked, counts.known) * 0.99, message).await;
    }

    /// Writes the rest of the nodes, and adds up.
    async fn finish(mut self, end: End, took: Duration) -> Result<Report> {
        let counts = self.frontier.counts();
        if counts.reachable == 0 && end == End::Exhausted {
            return Err(Failure::transient("no_bootnode_answered", "none of the bootnodes answered"));
        }
        let rest = self.frontier.nodes().filter(|known| known.state != State::Reachable).map(|known| Row {
            reachable: (known.state == State::Unreachable).then_some(false),
            ..Row::unasked(&known.record)
        });
        self.rows.extend(rest);
        self.write().await?;
        let report = self.tally.report(counts, end, self.frontier.overflowed(), took);
        let message = format!(
            "{} nodes found in {} s: {} reachable, {} unreachable, {} refused",
            report.found, report.duration_s, report.reachable, report.unreachable, report.refused
        );
        self.job.progress(1.0, message).await;
        Ok(report)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let message = match &error {
            StartError::Socket(cause) => format!("{error}: {cause}"),
            StartError::Service(_) => error.to_string(),
        };
        Self::transient("discovery_start", message)
    }
}
