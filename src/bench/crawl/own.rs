//! Our crawler in this process, on a scratch redis-server.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::truth::Found;
use crate::{
    broker::Scratch,
    config,
    crawl::{Directory, Graph, Ladder, NetworkName, Plan, Report, Store, View, crawl},
    job::{JobId, Shard},
    outbound::Client,
    platform::{Context, Envelope, Network, Redis, Run},
};

/// Reports of the job that nobody has looked at yet.
const REPORTS: usize = 1024;

/// A Redis to crawl into.
pub(super) struct Ground {
    pub(super) redis: Scratch,
    run: Redis,
    pub(super) name: NetworkName,
}

/// What a crawl cost.
#[derive(Debug)]
pub(super) struct Crawled {
    pub(super) report: Report,
    pub(super) took: Duration,
    pub(super) cpu: Duration,
}

impl Ground {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let redis = Scratch::start()?;
        let run = Redis { broker: redis.broker().await?, shards: 1 };
        Ok(Self { redis, run, name: "bench".parse()? })
    }

    /// How a platform would crawl this network once, with the settings it has when nobody says otherwise.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            network: Some(self.name.clone()),
            root: None,
            shards: 1,
            epochs: 1,
            epoch: Duration::from_mins(5),
            ladder: Ladder { percent: vec![0, 5, 20, 40, 80, 100], threshold: 0 },
            drain_every: Duration::from_hours(1),
            forget: Duration::from_hours(24),
            keep: Duration::from_hours(24),
            concurrency: 1024,
            request_timeout: Duration::from_secs(1),
            retries: 1,
            max_nodes: 200_000,
            max_duration: Duration::from_mins(30),
            storage: None,
        }
    }

    /// Crawls as a job that says what it says to nobody.
    pub(super) async fn crawl(&self, bootnode: &str, plan: Plan) -> anyhow::Result<Crawled> {
        let (reports, mut said) = mpsc::channel::<Envelope>(REPORTS);
        let listening = tokio::spawn(async move { while said.recv().await.is_some() {} });
        let http = Client::new(&config::defaults()?.network);
        let run = Run::unrecorded(JobId::new(Shard(0)), Network::default(), http, Some(self.run.clone()));
        let job = Context::new(run, CancellationToken::new(), reports);
        let (start, before) = (Instant::now(), cpu());
        let report = crawl(&job, &[bootnode.to_owned()], plan).await;
        let (took, cpu) = (start.elapsed(), cpu().saturating_sub(before));
        drop(job);
        listening.await?;
        let report = report.map_err(|failure| anyhow::anyhow!("the crawl failed: {failure}"))?;
        Ok(Crawled { report, took, cpu })
    }

    /// The store, once the crawl has begun.
    pub(super) async fn store(&self) -> anyhow::Result<Option<Store>> {
        Ok(Directory::new(self.run.broker.clone(), self.run.shards).find(&self.name).await?)
    }

    /// What is in the store.
    pub(super) async fn found(&self) -> anyhow::Result<Found> {
        let store = self.store().await?.context("the crawl left no store")?;
        let (view, graph) = (View::load(&store).await?, Graph::load(&store).await?);
        let nodes = view.nodes.iter().map(|(id, node)| (*id, node.enr.seq())).collect::<HashMap<_, _>>();
        let edges = graph.told().map(|(by, told)| (by, told.collect())).collect();
        Ok(Found { nodes, edges })
    }
}

/// The processor time of this process so far, user and system.
pub(super) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The most memory that this process ever had, in megabytes.
pub(super) fn peak_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0 / 1e6)
}
