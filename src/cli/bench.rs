//! `collector bench`: measures what the README claims, on this machine.

use std::process::ExitCode;

use clap::Subcommand;
use comfy_table::Table;

use super::{CliError, options::Sources, print};
use crate::bench::{
    Cost, Work,
    crawl::{Figures, Rule, Scene, crowd, measure as measure_crawl},
    finding, measure,
    network::measure as measure_network,
    retention,
};

/// Measure what the README claims.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The queue: submit, drain, pick-up, recovery, memory and idle, beside the floor that Redis itself sets.
    #[command(after_help = "Starts a scratch redis-server without persistence and two sanjers of 64 slots.")]
    Queue {
        #[command(flatten)]
        sources: Sources,
        /// Jobs of the small backlog.
        #[arg(long, default_value_t = 10_000)]
        jobs: u64,
        /// Jobs of the large backlog.
        #[arg(long, default_value_t = 200_000)]
        backlog: u64,
        /// Posts over HTTP.
        #[arg(long, default_value_t = 20_000)]
        posts: u64,
        /// Delayed jobs that are due in the same second.
        #[arg(long, default_value_t = 100_000)]
        delayed: u64,
        /// Sanjers that are killed under a running job.
        #[arg(long, default_value_t = 30)]
        kills: usize,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// The crawl: what it finds of synthetic networks, and what that costs, beside a loop around the discv5 crate.
    #[command(after_help = "\
Each scene has a synthetic network in a process of its own and a scratch redis-server. Exit code 1 says that a bar is
not met.")]
    Crawl {
        /// Which scenes; all of them if it is not said.
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<Scene>,
        /// Instead of them, one crawl of a network of so many nodes, and the memory it takes.
        #[arg(long, value_name = "N", conflicts_with = "only", value_parser = clap::value_parser!(u32).range(2..=100_000))]
        nodes: Option<u32>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Full nodes that are polled: what merging costs, how soon a change is seen, what followers cost.
    #[command(after_help = "\
Starts a scratch redis-server, a collector and the nodes. Exit code 1 says that a bar is not met.")]
    Network {
        /// Nodes.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=500))]
        nodes: u16,
        /// Connections of each.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(2..=1000))]
        connections: u16,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Finding jobs: what pages of lists cost with a thousand jobs, and with many.
    #[command(after_help = "Exit code 1 says that a page looked at more jobs than it may.")]
    Finding {
        #[command(flatten)]
        sources: Sources,
        /// The many.
        #[arg(long, default_value_t = 1_000_000)]
        jobs: u64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// What stays in Redis when jobs come and go, each kept for a second.
    Retention {
        #[command(flatten)]
        sources: Sources,
        /// Jobs in all.
        #[arg(long, default_value_t = 1_000_000)]
        jobs: u64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Measures and prints.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let failed = |error| CliError::Start(format!("the bench ended: {error:#}"));
    let (figures, json) = match args.what {
        What::Queue { sources, jobs, backlog, posts, delayed, kills, json } => {
            let work = Work { jobs, backlog, posts, delayed, kills };
            (serde_json::to_value(measure(sources.load(Vec::new())?, work).await.map_err(failed)?), json)
        }
        What::Retention { sources, jobs, json } => {
            (serde_json::to_value(retention(sources.load(Vec::new())?, jobs).await.map_err(failed)?), json)
        }
        What::Finding { sources, jobs, json } => {
            return found(&finding(sources.load(Vec::new())?, jobs).await.map_err(failed)?, json);
        }
        What::Network { nodes, connections, json } => return network(nodes, connections, json).await,
        What::Crawl { only, nodes, json } => return crawl(&only, nodes, json).await,
    };
    let figures = figures.map_err(|error| CliError::Start(error.to_string()))?;
    if json {
        print(&format!("{figures}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.set_header(["figure", "value"]);
    for (name, value) in figures.as_object().into_iter().flatten() {
        table.add_row([name.replace('_', " "), format!("{:.2}", value.as_f64().unwrap_or_default())]);
    }
    print(&format!("{table}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what lists cost. The code says whether all pages are bounded.
fn found(costs: &[Cost], json: bool) -> Result<ExitCode, CliError> {
    if json {
        let text = serde_json::to_string(costs).map_err(|error| CliError::Start(error.to_string()))?;
        print(&format!("{text}\n"))?;
    } else {
        let mut table = Table::new();
        table.set_header(["list", "of jobs", "page ms p50", "max", "commands p50", "max", "total ms"]);
        for cost in costs {
            let (times, total) = ([cost.page_p50_ms, cost.page_max_ms], cost.total_ms);
            let times = times.map(|ms| format!("{ms:.2}"));
            let commands = [cost.page_commands, cost.page_max_commands].map(|number| format!("{number:.0}"));
            let about = [cost.list.to_owned(), cost.jobs.to_string()];
            table.add_row(about.into_iter().chain(times).chain(commands).chain([format!("{total:.2}")]));
        }
        print(&format!("{table}\n"))?;
    }
    Ok(if costs.iter().all(Cost::is_bounded) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Polls full nodes. The code says whether every bar is met.
async fn network(nodes: u16, connections: u16, json: bool) -> Result<ExitCode, CliError> {
    let failed = |error| CliError::Start(format!("the bench ended: {error:#}"));
    let figures = measure_network(nodes, connections).await.map_err(failed)?;
    if json {
        let text = serde_json::to_string(&figures).map_err(|error| CliError::Start(error.to_string()))?;
        print(&format!("{text}\n"))?;
    } else {
        let mut table = Table::new();
        table.set_header(["figure", "value", "at most"]);
        for figure in &figures.figures {
            let most = figure.at_most.map(|most| most.to_string()).unwrap_or_default();
            table.add_row([figure.name, &format!("{:.2}", figure.value), &most]);
        }
        print(&format!("{table}\n"))?;
    }
    Ok(if figures.are_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays scenes of the crawl. The code says whether every bar is met.
async fn crawl(only: &[Scene], nodes: Option<u32>, json: bool) -> Result<ExitCode, CliError> {
    let failed = |error| CliError::Start(format!("the bench ended: {error:#}"));
    let mut figures = Vec::new();
    if let Some(nodes) = nodes {
        figures.push(crowd(nodes).await.map_err(failed)?);
    } else {
        for scene in Scene::ALL.into_iter().filter(|scene| only.is_empty() || only.contains(scene)) {
            eprintln!("{scene:?} …");
            figures.extend(measure_crawl(scene).await.map_err(failed)?);
        }
    }
    let met = figures.iter().flat_map(|scene| &scene.bars).all(|bar| bar.met);
    if json {
        let text = serde_json::to_string(&figures).map_err(|error| CliError::Start(error.to_string()))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&format!("{}\n{}\n", scenes(&figures), bars(&figures)))?;
    }
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn scenes(figures: &[Figures]) -> Table {
    let mut table = Table::new();
    table.set_header(["scene", "nodes", "edges", "recall %", "s", "nodes/s", "CPU ms/node", "packets/node", "bans"]);
    for scene in figures {
        table.add_row([
            scene.scene.clone(),
            format!("{}/{}", scene.nodes_found, scene.nodes_true),
            format!("{}/{}", scene.edges_found, scene.edges_true),
            format!("{:.3}", scene.recall_percent()),
            format!("{:.2}", scene.seconds),
            format!("{:.0}", scene.nodes_per_s),
            format!("{:.3}", scene.cpu_ms_per_node),
            format!("{:.1}", scene.packets_per_node),
            scene.bans.to_string(),
        ]);
    }
    table
}

fn bars(figures: &[Figures]) -> Table {
    let mut table = Table::new();
    table.set_header(["scene", "bar", "is", "must be", "met"]);
    for scene in figures {
        for bar in &scene.bars {
            let rule = match bar.rule {
                Rule::AtMost => "≤",
                Rule::AtLeast => "≥",
            };
            let met = if bar.met { "yes" } else { "NO" };
            let (is, bound) = (format!("{:.3}", bar.is), format!("{rule} {}", bar.bound));
            table.add_row([&scene.scene, &bar.name, &is, &bound, met]);
        }
    }
    table
}
