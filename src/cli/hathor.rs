//! `collector devnet --hathor N`: full nodes to poll.

use std::time::Duration;

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::{CliError, print};
use crate::devnet::hathor::{Hathor, Manner, Plan};

/// What only full nodes can be.
#[derive(Debug, clap::Args)]
pub(super) struct FullNodes {
    /// Instead of a discv5 network, so many full nodes that answer GET /v1a/status; prints their URLs.
    #[arg(id = "hathor", long, value_name = "N", conflicts_with_all = ["synthetic", "dead"], value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(super) nodes: Option<u16>,
    /// Connections of every full node.
    #[arg(long, value_name = "N", default_value_t = 8, requires = "hathor", value_parser = clap::value_parser!(u16).range(0..=5_000))]
    connections: u16,
    /// The port that all full nodes listen on; 0 takes one that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "hathor")]
    hathor_port: u16,
    /// How far what a full node says of its age may be off.
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "hathor", value_parser = clap::value_parser!(u64).range(0..=60_000))]
    clock_jitter_ms: u64,
    /// How often there is a new block; without it never.
    #[arg(long, value_name = "MS", requires = "hathor", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    block_ms: Option<u64>,
    /// How a full node behaves, the first being 0: hung, failing, redirecting, garbage, endless, old, sync-v1,
    /// unknown-protocol, large, malformed, forgetful, behind, elsewhere. May be given several times.
    #[arg(long, value_name = "NODE=MANNER", requires = "hathor", value_parser = manner)]
    manner: Vec<(u16, Manner)>,
}

fn manner(text: &str) -> Result<(u16, Manner), String> {
    let (node, manner) = text.split_once('=').ok_or("expected NODE=MANNER")?;
    let node = node.parse().map_err(|_| "the node is a number")?;
    Ok((node, manner.parse().map_err(|error| format!("{error}"))?))
}

/// Runs them until it is told to stop. With `churn` a tenth of them restarts so often.
pub(super) async fn run(
    args: &FullNodes,
    nodes: u16,
    churn: Option<Duration>,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    let plan = Plan {
        nodes,
        connections: args.connections,
        port: args.hathor_port,
        jitter: Duration::from_millis(args.clock_jitter_ms),
        manners: args.manner.clone(),
    };
    let hathor = Hathor::start(&plan).await.map_err(|error| CliError::Start(format!("{error:#}")))?;
    let urls: Vec<&str> = hathor.urls().iter().map(url::Url::as_str).collect();
    print(&if json {
        format!("{}\n", json!({ "nodes": urls, "network": "devnet", "port": hathor.port() }))
    } else {
        format!("{}\n", urls.join("\n"))
    })?;
    let never = Duration::from_hours(24 * 365);
    let ticks = |every: Option<Duration>| {
        let every = every.unwrap_or(never);
        let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let (mut restarts, mut blocks) = (ticks(churn), ticks(args.block_ms.map(Duration::from_millis)));
    loop {
        tokio::select! {
            _ = blocks.tick() => hathor.advance(),
            _ = restarts.tick() => for _ in 0..nodes.div_ceil(10) {
                let number = rand::random_range(0..nodes);
                hathor.restart(number);
                eprintln!("restarted {}", hathor.id(number));
            },
            () = stop.cancelled() => return Ok(()),
        }
    }
}
