//! `collector get`: reads a job.

use std::process::ExitCode;

use serde_json::Value;

use super::{
    CliError,
    client::{Api, Client},
    print, render,
};
use crate::job::Status;

/// Read a job.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  collector get 0193f5a0-1c2d-7e4f-8a00-0123456789ab --full --json | jq .processed.rows

The exit code is 1 if the job has ended without success.")]
pub(super) struct Args {
    /// The job id that `collector run` printed.
    job_id: String,
    /// With its datasets and its log.
    #[arg(long)]
    full: bool,
    /// Print JSON instead of text for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: Api,
}

/// Reads.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let client = args.api.client()?;
    let record = client.job(&args.job_id, args.full).await?;
    print(&if args.json { render::json(&record) } else { render::job(&record) })?;
    Ok(exit_code(&record))
}

/// 1 for a job that has ended without success.
pub(super) fn exit_code(record: &Value) -> ExitCode {
    let status = record.get("status").and_then(Value::as_str).and_then(|status| status.parse::<Status>().ok());
    match status {
        Some(status) if status.is_terminal() && status != Status::Succeeded => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}

/// Where more about a job can be read.
pub(super) fn where_next(client: &Client, job: &str) -> String {
    let url = client.url("execution/get", &[("job_id", job), ("full", "true")]);
    let base = client.url("", &[]);
    let api = if base.as_str() == "http://127.0.0.1:8900/" { String::new() } else { format!(" --api {base}") };
    format!("All of it:\n  collector get {job} --full{api}\n  curl '{url}'\n")
}
