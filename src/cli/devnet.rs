//! `collector devnet`: a local network to crawl.

use std::time::Duration;

use serde_json::json;

use super::{CliError, print, stop};
use crate::crawl::{Devnet, DevnetError, Shape};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints one line, the record of a bootnode to crawl from, and runs until Ctrl-C. With --churn, stderr names the new
record of every restarted node.

Example:
  collector devnet --nodes 64 --dead 0.1")]
pub(super) struct Args {
    /// Nodes, the dead ones included.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(2..=10_000))]
    nodes: u16,
    /// The fraction of nodes that others know and that do not answer, 0 to below 1.
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = fraction)]
    dead: f64,
    /// Restart a tenth of the nodes every so many seconds, each with a newer record and another port.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    churn: Option<u64>,
    /// Print an object {bootnode, nodes, live, dead} instead.
    #[arg(long)]
    json: bool,
}

/// Runs the network until it is told to stop.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let stop = stop::on_signal()?;
    let shape = Shape { nodes: args.nodes, dead: dead_of(args.nodes, args.dead) };
    let started = tokio::select! {
        started = Devnet::start(shape) => started,
        () = stop.cancelled() => return Ok(()),
    };
    let mut network = started.map_err(|error| no_network(&error))?;
    let bootnode = network.bootnode().map(|record| record.to_base64()).unwrap_or_default();
    let (live, dead) = (network.live().len(), network.dead().len());
    print(&if args.json {
        format!("{}\n", json!({ "bootnode": bootnode, "nodes": live + dead, "live": live, "dead": dead }))
    } else {
        format!("{bootnode}\n")
    })?;
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
