//! `collector retry`: runs a job again, as a new one.

use std::{path::PathBuf, process::ExitCode};

use super::{CliError, run};

/// Run a job again that failed, timed out, was cancelled or is dead: a new job, linked to the old one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector retry 0193f5a0-1c2d-7e4f-8a00-0123456789ab --follow
  echo '{\"options\": {\"timeout_s\": 600}}' | collector retry 0193f5a0-1c2d-7e4f-8a00-0123456789ab --with -

It prints the id of the new job. The exit codes are those of `collector run`.")]
pub(super) struct Args {
    /// The job id that `collector run` printed.
    job_id: String,
    /// What shall be different: a JSON file with settings, options or both; - reads it from stdin.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    #[command(flatten)]
    then: run::Then,
}

/// Runs it again.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let edits = args.with.as_deref().map(run::read).transpose()?.unwrap_or_default();
    args.then.about(async |client| client.post_about("execution/retry", &args.job_id, edits).await).await
}
