//! `collector cancel`: stops a job.

use std::process::ExitCode;

use serde_json::Value;

use super::{CliError, client::Api, follow::follow, print, render};

/// Stop a job: one that waits at once, one that runs by telling it to, and by force if it does not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  collector cancel 0193f5a0-1c2d-7e4f-8a00-0123456789ab --follow

Without --follow it ends as soon as the stop is asked for.")]
pub(super) struct Args {
    /// The job id that `collector run` printed.
    job_id: String,
    /// Wait until the job has ended.
    #[arg(long, short)]
    follow: bool,
    /// Print JSON instead of text for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: Api,
}

/// Cancels.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let client = args.api.client()?;
    let mut answer = client.post_about("execution/cancel", &args.job_id, String::new()).await?;
    if args.follow && answer.get("status").and_then(Value::as_str) == Some("running") {
        follow(&client, &args.job_id).await?;
        answer = client.job(&args.job_id, false).await?;
    }
    let status = answer.get("status").and_then(Value::as_str).unwrap_or("unknown");
    let said = if status == "running" { "is being stopped" } else { status };
    print(&if args.json { render::json(&answer) } else { format!("{} {said}\n", args.job_id) })?;
    Ok(if matches!(status, "cancelled" | "running") { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
