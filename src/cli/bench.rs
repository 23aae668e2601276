//! `collector bench`: measures what the README claims, on this machine.

use clap::Subcommand;
use comfy_table::Table;

use super::{CliError, options::Sources, print};
use crate::bench::{Work, measure, retention};

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
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let failed = |error| CliError::Start(format!("the bench ended: {error:#}"));
    let (figures, json) = match args.what {
        What::Queue { sources, jobs, backlog, posts, delayed, kills, json } => {
            let work = Work { jobs, backlog, posts, delayed, kills };
            (serde_json::to_value(measure(sources.load(Vec::new())?, work).await.map_err(failed)?), json)
        }
        What::Retention { sources, jobs, json } => {
            (serde_json::to_value(retention(sources.load(Vec::new())?, jobs).await.map_err(failed)?), json)
        }
    };
    let figures = figures.map_err(|error| CliError::Start(error.to_string()))?;
    if json {
        return print(&format!("{figures}\n"));
    }
    let mut table = Table::new();
    table.set_header(["figure", "value"]);
    for (name, value) in figures.as_object().into_iter().flatten() {
        table.add_row([name.replace('_', " "), format!("{:.2}", value.as_f64().unwrap_or_default())]);
    }
    print(&format!("{table}\n"))
}
