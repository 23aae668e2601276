//! `collector check-url`: says whether a job would call a URL.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{CliError, client::Api, print, render};

/// Say whether a job's outgoing call would be allowed to go to a URL, and if not, by which rule. Nothing is called.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector check-url http://169.254.169.254/latest/meta-data
  collector check-url https://example.org --json | jq .rule

The exit code is 1 if it would not.")]
pub(super) struct Args {
    /// The URL.
    url: String,
    /// Print JSON instead of text for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: Api,
}

/// Asks.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let client = args.api.client()?;
    let answer = client.post("system/check_url", json!({ "url": args.url }).to_string()).await?;
    print(&if args.json { render::json(&answer) } else { render::job(&answer) })?;
    let allowed = answer.get("allowed").and_then(Value::as_bool) == Some(true);
    Ok(if allowed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
