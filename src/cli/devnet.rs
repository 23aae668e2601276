//! `collector devnet`: a local network to crawl.

use std::{
    io::{self, BufRead as _, Read as _},
    time::Duration,
};

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CliError, hathor, print, providers::DataProviders, stop};
use crate::devnet::{
    Devnet, DevnetError, Shape,
    synthetic::{Limiter, Plan, Server, ServerError},
};

/// The most nodes that are real.
const MOST_REAL: u16 = 10_000;
/// The longest order, in bytes.
const LONGEST_ORDER: u64 = 1 << 16;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints one line, the record of a bootnode to crawl from, and runs until Ctrl-C. With --churn, stderr names the new
record of every restarted node.

With --synthetic it reads orders from stdin, a JSON object a line, answers each with a line on stdout, and ends when
whoever gave orders closes stdin:
  {\"order\": \"tick\", \"leave\": 0.1, \"join\": 0.1, \"bump\": 0.2, \"moved\": 0.25}
  {\"order\": \"truth\", \"path\": \"truth.jsonl\"}     a line a node: id, enr, seq, alive, tells (places of lines)
  {\"order\": \"counters\"}

Examples:
  collector devnet --nodes 64 --dead 0.1
  collector devnet --synthetic --nodes 50000 --dead 0.6 --limiter --rtt-ms 5
  collector devnet --hathor 3 --manner 2=hung
  collector devnet --providers 20 --failing 0.2 --write-config collector.toml")]
pub(super) struct Args {
    /// Nodes, the dead ones included; at most 10000, with --synthetic 100000.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    nodes: u32,
    /// The fraction of nodes that others know and that do not answer, 0 to below 1.
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    dead: f64,
    /// Restart a tenth of the nodes every so many seconds, each with a newer record and another port.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    churn: Option<u64>,
    /// Print an object {bootnode, nodes, live, dead} instead.
    #[arg(long)]
    json: bool,
    /// All nodes behind one socket, which answer in the manners of several clients: many more of them, at less cost.
    #[arg(long, conflicts_with = "churn")]
    synthetic: bool,
    #[command(flatten)]
    synthesis: Synthesis,
    #[command(flatten)]
    hathor: hathor::FullNodes,
    #[command(flatten)]
    data: DataProviders,
}

/// What only synthetic nodes can be.
#[derive(Debug, clap::Args)]
struct Synthesis {
    /// Decides every key, address and table.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "synthetic")]
    seed: u64,
    /// The fraction of datagrams that are lost, in either direction.
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction, requires = "synthetic")]
    loss: f64,
    /// From a question to its answer.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = milliseconds(), requires = "synthetic")]
    rtt_ms: u64,
    /// Up to how much later an answer may come, so that answers overtake each other.
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = milliseconds(), requires = "synthetic")]
    jitter_ms: u64,
    /// Every node bans who asks too much, as Lighthouse does: 8 packets a second by node id, 9 by address.
    #[arg(long, requires = "synthetic")]
    limiter: bool,
    /// The fraction of NODES packets that are poisoned.
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction, requires = "synthetic")]
    poison: f64,
}

fn milliseconds() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(0..=10_000)
}

/// Runs the network until it is told to stop.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let stop = stop::on_signal()?;
    if args.data.is_wanted() {
        return args.data.run(&stop, args.json).await;
    }
    if args.synthetic {
        return synthesize(&args, &stop).await;
    }
    if let Some(nodes) = args.hathor.nodes {
        return hathor::run(&args.hathor, nodes, args.churn.map(Duration::from_secs), args.json, &stop).await;
    }
    let nodes = u16::try_from(args.nodes).ok().filter(|nodes| *nodes <= MOST_REAL);
    let nodes = nodes.ok_or_else(|| CliError::Start(format!("more than {MOST_REAL} nodes need --synthetic")))?;
    let shape = Shape { nodes, dead: dead_of(nodes, args.dead) };
    let started = tokio::select! {
        started = Devnet::start(shape) => started,
        () = stop.cancelled() => return Ok(()),
    };
    let mut network = started.map_err(|error| no_network(&error))?;
    let bootnode = network.bootnode().map(|record| record.to_base64()).unwrap_or_default();
    announce(&args, &bootnode, network.live().len(), network.dead().len())?;
    let Some(seconds) = args.churn else {
        stop.cancelled().await;
        return Ok(());
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            () = stop.cancelled() => return Ok(()),
        }
        let restarted = tokio::select! {
            restarted = network.churn() => restarted.map_err(|error| no_network(&error))?,
            () = stop.cancelled() => return Ok(()),
        };
        for record in restarted {
            eprintln!("restarted {}", record.to_base64());
        }
    }
}

/// Runs a synthetic network until it is told to stop, or nobody gives orders any more.
async fn synthesize(args: &Args, stop: &CancellationToken) -> Result<(), CliError> {
    let Synthesis { seed, loss, rtt_ms, jitter_ms, limiter, poison } = args.synthesis;
    let plan = Plan {
        nodes: args.nodes,
        dead: args.dead,
        seed,
        loss,
        rtt: Duration::from_millis(rtt_ms),
        jitter: Duration::from_millis(jitter_ms),
        limiter: if limiter { Limiter::Lighthouse } else { Limiter::None },
        poison,
    };
    let failed = |error: ServerError| CliError::Start(error.to_string());
    let mut server = Server::bind(plan).map_err(failed)?;
    let bootnode = server.network().bootnode().map(ToString::to_string).unwrap_or_default();
    let (live, dead) = server.network().size();
    announce(args, &bootnode, live, dead)?;
    tokio::select! {
        ended = server.run(orders(), |answer| drop(print(&format!("{answer}\n")))) => ended.map_err(failed),
        () = stop.cancelled() => Ok(()),
    }
}

/// The first line.
fn announce(args: &Args, bootnode: &str, live: usize, dead: usize) -> Result<(), CliError> {
    print(&if args.json {
        format!("{}\n", json!({ "bootnode": bootnode, "nodes": live + dead, "live": live, "dead": dead }))
    } else {
        format!("{bootnode}\n")
    })
}

/// The lines of stdin. Their reader is a thread, which nobody waits for when the command ends.
fn orders() -> mpsc::Receiver<String> {
    let (sender, orders) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let mut line = String::new();
            match (&mut stdin).take(LONGEST_ORDER).read_line(&mut line) {
                Ok(1..) if sender.blocking_send(line).is_ok() => {}
                _ => return,
            }
        }
    });
    orders
}

fn no_network(error: &DevnetError) -> CliError {
    use std::error::Error as _;

    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    CliError::Start(format!("{error}{cause}"))
}

fn fraction(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if (0.0..1.0).contains(&value) { Ok(value) } else { Err("is not a fraction: 0 to below 1".into()) }
}

/// How many of the nodes are dead; the bootnode never is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a u16, rounded")]
fn dead_of(nodes: u16, fraction: f64) -> u16 {
    ((f64::from(nodes) * fraction).round() as u16).min(nodes.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bootnode_is_never_dead() {
        for (nodes, share, dead) in [(64, 0.0, 0), (64, 0.1, 6), (10, 0.25, 3), (2, 0.99, 1), (2, 0.0, 0)] {
            assert_eq!(dead_of(nodes, share), dead, "{share} of {nodes}");
        }
        for bad in ["1", "-0.1", "NaN", "many"] {
            assert!(fraction(bad).is_err(), "{bad}");
        }
    }
}
