//! The scenes: what is wrong with the network in each, and which bars a crawl of it is held to.

use std::time::Duration;

use super::{
    churn, crate_loop,
    figures::{Figures, Rule},
    killed,
    network::Network,
    own::{self, Ground},
    truth::{Comparison, compare},
};

/// Nodes of the scenes in which something is wrong, and of the comparison with the crate.
const NODES: u32 = 2000;
/// At most so much processor time a node, in ms, on [`NODES`] nodes that nothing is wrong with.
const CPU_MS: f64 = 0.5;
/// At least so many times less than the crate's loop.
const CHEAPER: f64 = 25.0;
/// At most so much memory for a crowd, in megabytes.
const MEMORY_MB: f64 = 500.0;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scene {
    /// Nothing is wrong: 500, 2,000 and 5,000 nodes, and the crate's loop beside them.
    S1,
    /// Six nodes of ten are dead.
    S2,
    /// Every node bans who asks too fast, 5 ms away.
    S3,
    /// Two datagrams of a hundred are lost, and answers overtake each other.
    S4,
    /// Five NODES packets of a hundred are poisoned.
    S5,
    /// Epochs of two seconds, in each of which a tenth leaves and a fifth has newer records.
    S6,
    /// The crawler is killed in the middle.
    S7,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::S1, Self::S2, Self::S3, Self::S4, Self::S5, Self::S6, Self::S7];
}

/// Plays a scene.
pub async fn measure(scene: Scene) -> anyhow::Result<Vec<Figures>> {
    Ok(match scene {
        Scene::S1 => clean().await?,
        Scene::S2 => {
            let mut figures = play("S2 60 % dead", NODES, &["--dead", "0.6"]).await?;
            figures.bar_all_found();
            vec![figures]
        }
        Scene::S3 => {
            let mut figures = play("S3 limiter, 5 ms", NODES, &["--limiter", "--rtt-ms", "5"]).await?;
            figures.bar("bans", figures.bans as f64, Rule::AtMost, 0.0);
            figures.bar_all_found();
            vec![figures]
        }
        Scene::S4 => {
            let weather = ["--loss", "0.02", "--rtt-ms", "5", "--jitter-ms", "20"];
            let mut figures = play("S4 2 % lost, reordered", NODES, &weather).await?;
            figures.bar_all_found();
            vec![figures]
        }
        Scene::S5 => {
            let mut figures = play("S5 5 % poisoned", NODES, &["--poison", "0.05"]).await?;
            let lost = figures.nodes_true - figures.nodes_found;
            figures.bar("nodes lost", lost as f64, Rule::AtMost, 0.0);
            figures.bar("edges forged", figures.edges_forged as f64, Rule::AtMost, 0.0);
            vec![figures]
        }
        Scene::S6 => vec![churn::play(NODES).await?],
        Scene::S7 => vec![killed::play(NODES).await?],
    })
}

/// One crawl of very many nodes, and the memory it takes; to be the first that this process does.
pub async fn crowd(nodes: u32) -> anyhow::Result<Figures> {
    let mut figures = play(&format!("{nodes} nodes"), nodes, &[]).await?;
    figures.bar_all_found();
    Ok(figures)
}

/// Nothing is wrong; at [`NODES`] nodes the crate's loop crawls the same network.
async fn clean() -> anyhow::Result<Vec<Figures>> {
    let mut all = Vec::new();
    for nodes in [500, NODES, 5000] {
        let mut figures = play(&format!("S1 {nodes} nodes"), nodes, &[]).await?;
        figures.bar_all_found();
        if nodes != NODES {
            all.push(figures);
            continue;
        }
        let rival = rival(nodes).await?;
        let cheaper = rival.cpu_ms_per_node / figures.cpu_ms_per_node;
        figures.bar("CPU ms a node", figures.cpu_ms_per_node, Rule::AtMost, CPU_MS);
        figures.bar("times less CPU a node than the crate's loop", cheaper, Rule::AtLeast, CHEAPER);
        all.extend([figures, rival]);
    }
    Ok(all)
}

/// A whole crawl of a network with these options, compared with the truth.
async fn play(scene: &str, nodes: u32, options: &[&str]) -> anyhow::Result<Figures> {
    let mut network = Network::start(nodes, options).await?;
    let ground = Ground::start().await?;
    let crawled = ground.crawl(&network.bootnode, ground.plan()).await?;
    let peak = own::peak_mb()?;
    tracing::debug!(report = ?crawled.report, "crawled");
    let found = ground.found().await?;
    let comparison = compare(&network.truth(ground.redis.dir()).await?, &found);
    let mut figures = figures(scene, comparison, crawled.took, crawled.cpu, &mut network).await?;
    if nodes > 5000 {
        figures.bar("peak memory, MB", peak, Rule::AtMost, MEMORY_MB);
    }
    Ok(figures)
}

/// The crate's loop on the same network, which is held to nothing.
async fn rival(nodes: u32) -> anyhow::Result<Figures> {
    let mut network = Network::start(nodes, &[]).await?;
    let crawled = crate_loop::crawl(&network.bootnode).await?;
    let comparison = compare(&network.truth(&std::env::temp_dir()).await?, &crawled.found);
    figures(&format!("the crate's loop, {nodes} nodes"), comparison, crawled.took, crawled.cpu, &mut network).await
}

/// The figures of one crawl.
pub(super) async fn figures(
    scene: &str,
    comparison: Comparison,
    took: Duration,
    cpu: Duration,
    network: &mut Network,
) -> anyhow::Result<Figures> {
    let counters = network.counters().await?;
    let nodes = comparison.nodes_found.max(1) as f64;
    Ok(Figures {
        scene: scene.to_owned(),
        nodes_true: comparison.nodes_true,
        nodes_found: comparison.nodes_found,
        edges_true: comparison.edges_true,
        edges_found: comparison.edges_found,
        edges_forged: comparison.edges_forged,
        seconds: took.as_secs_f64(),
        nodes_per_s: comparison.nodes_found as f64 / took.as_secs_f64(),
        cpu_ms_per_node: cpu.as_secs_f64() * 1000.0 / nodes,
        packets_per_node: (counters.packets_in + counters.packets_out) as f64 / nodes,
        bans: counters.bans,
        bars: Vec::new(),
    })
}
