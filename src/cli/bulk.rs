//! `collector bulk`: does something about many jobs.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{CliError, filter::Filters, print, run};

/// Cancel, run again or delete all jobs that filters find; it only says how many they are, unless --yes is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector bulk cancel --label nightly
  collector bulk retry --platform noop --error asked_to_fail --yes --follow
  collector bulk delete --status succeeded --finished-to 2026-01-31T00:00:00Z --yes

With --yes it prints the id of the job that does it. The exit codes are those of `collector run`.")]
pub(super) struct Args {
    /// What is to be done: to jobs that have not ended, that did not succeed, or that have ended.
    action: Action,
    #[command(flatten)]
    filters: Filters,
    /// This job instead of what filters find; may be said again and again.
    #[arg(long = "job", value_name = "ID")]
    jobs: Vec<String>,
    /// All jobs, if there is no filter.
    #[arg(long)]
    all: bool,
    /// Do it.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    then: run::Then,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Action {
    Cancel,
    Retry,
    Delete,
}

/// Counts, or does it.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let (action, filter) = (format!("{:?}", args.action).to_lowercase(), args.filters.json());
    let order = match (filter.is_empty(), args.jobs.is_empty()) {
        (_, true) if !filter.is_empty() || args.all => {
            json!({ "action": action, "filter": filter, "dry_run": !args.yes })
        }
        (true, false) if !args.all => json!({ "action": action, "job_ids": args.jobs, "dry_run": !args.yes }),
        _ => return Err(CliError::Start("say which jobs: by filters, by --job, or --all".into())),
    };
    if args.yes {
        return args.then.about(async |client| client.post("execution/bulk", order.to_string()).await).await;
    }
    let (client, as_json) = args.then.client()?;
    let answer = client.post("execution/bulk", order.to_string()).await?;
    if as_json {
        return print(&super::render::json(&answer)).map(|()| ExitCode::SUCCESS);
    }
    let count = answer.get("matching").and_then(Value::as_u64).unwrap_or(0);
    let least = if answer.get("exact") == Some(&Value::Bool(true)) { "" } else { "at least " };
    let s = if count == 1 { "" } else { "s" };
    print(&format!("{action}: {least}{count} job{s}; nothing was done yet (--yes does it)\n"))?;
    Ok(ExitCode::SUCCESS)
}
