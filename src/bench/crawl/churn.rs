//! S6: a crawl that goes on, of a network that changes under it.

use std::time::{Duration, Instant};

use super::{
    figures::{Figures, Rule},
    network::Network,
    own::{self, Ground},
    scene::figures,
    truth::{Comparison, reachable},
};
use crate::{crawl::Plan, crawl::Store, devnet::synthetic::Tick};

/// How long an epoch is.
const EPOCH: Duration = Duration::from_secs(2);
/// Epochs in which nothing changes, to see what checking costs.
const STEADY: u64 = 3;
/// Epochs in each of which the network changes.
const CHANGES: u64 = 3;
/// Epochs in all: one to find everybody, one after each that counts.
const EPOCHS: u64 = 2 + STEADY + 2 * CHANGES;
const TICK: Tick = Tick { leave: 0.1, join: None, bump: 0.2, moved: 0.0 };
/// At most so much processor time to check a node once more, in ms.
const CPU_MS: f64 = 0.05;
/// How long one epoch may take at most.
const PATIENCE: Duration = Duration::from_mins(2);

/// Crawls through all epochs.
pub(super) async fn play(nodes: u32) -> anyhow::Result<Figures> {
    let mut network = Network::start(nodes, &[]).await?;
    let ground = Ground::start().await?;
    let plan = Plan {
        epochs: EPOCHS,
        epoch: EPOCH,
        request_timeout: Duration::from_millis(200),
        // Who told of whom is not what this is about.
        drain_every: Duration::from_hours(1),
        ..ground.plan()
    };
    let bootnode = network.bootnode.clone();
    let watching = watch(&ground, &mut network);
    let (crawled, watched) = tokio::join!(ground.crawl(&bootnode, plan), watching);
    let (crawled, watched) = (crawled?, watched?);
    let found = Comparison { nodes_true: watched.alive, nodes_found: watched.checked_nodes, ..Comparison::default() };
    let mut figures = figures("S6 10 % leave, 20 % newer", found, crawled.took, crawled.cpu, &mut network).await?;
    figures.bar("CPU ms to check a node once more", watched.cpu_ms_per_check, Rule::AtMost, CPU_MS);
    figures.bar("newer records not in the store an epoch later", watched.late as f64, Rule::AtMost, 0.0);
    Ok(figures)
}

/// What was seen of a crawl from outside.
#[derive(Debug, Default)]
struct Watched {
    cpu_ms_per_check: f64,
    alive: usize,
    /// Nodes that were checked in each of the steady epochs.
    checked_nodes: usize,
    /// Newer records of nodes in the store that were not there an epoch later.
    late: usize,
}

async fn watch(ground: &Ground, network: &mut Network) -> anyhow::Result<Watched> {
    let store = loop {
        match ground.store().await? {
            Some(store) => break store,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    begun(&store, 2).await?;
    let (checks, cpu) = (network.counters().await?.pings, own::cpu());
    begun(&store, 2 + STEADY).await?;
    let (checks, cpu) = (network.counters().await?.pings - checks, own::cpu().saturating_sub(cpu));
    let mut watched = Watched {
        cpu_ms_per_check: cpu.as_secs_f64() * 1000.0 / checks.max(1) as f64,
        alive: reachable(&network.truth(ground.redis.dir()).await?).len(),
        checked_nodes: usize::try_from(checks / STEADY)?,
        late: 0,
    };
    for change in 0..CHANGES {
        let epoch = 2 + STEADY + 2 * change;
        begun(&store, epoch).await?;
        network.tick(TICK).await?;
        // Whoever was checked in this epoch before its record changed is checked again in the next.
        begun(&store, epoch + 2).await?;
        let (truth, found) = (network.truth(ground.redis.dir()).await?, ground.found().await?);
        let alive = truth.iter().filter(|row| row.alive);
        watched.late += alive.filter(|row| found.nodes.get(&row.id).is_some_and(|seq| *seq < row.seq)).count();
    }
    Ok(watched)
}

/// Waits until an epoch has begun, or all are over.
async fn begun(store: &Store, epoch: u64) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let about = store.about().await?;
        let number = |name: &str| about.get(name).and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        if number("epoch") >= epoch || number("closed") >= EPOCHS {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < until, "epoch {epoch} does not begin");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
