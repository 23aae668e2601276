//! `collector run`: submits a job, and follows it if asked to.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{
    CliError,
    client::{Api, Client},
    follow::follow,
    get::{exit_code, where_next},
    print, render,
};

/// The longest task spec that is read from a file: the API refuses far shorter ones.
const MAX_SPEC: u64 = 64 << 20;

/// Submit a job.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector run examples/enr_crawl.json --follow
  echo '{\"platform_id\": \"noop\", \"settings\": {\"sleep_ms\": 500}}' | collector run - --follow --json

Without --follow it prints the job id and ends. With it, progress goes to stderr and the result to stdout, and the exit
code is 1 if the job did not succeed. Ctrl-C ends the watching, not the job.")]
pub(super) struct Args {
    /// The task spec, a JSON file; - reads it from stdin.
    file: PathBuf,
    #[command(flatten)]
    then: Then,
}

/// What is done about a new job, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Then {
    /// Watch the new job until it ends and print its result.
    #[arg(long, short)]
    follow: bool,
    /// Print JSON instead of text for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: Api,
}

/// Submits.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let spec = read(&args.file)?;
    args.then.about(async |client| client.post("execution/run", spec).await).await
}

impl Then {
    /// A connection to the API, for what makes no job, and whether JSON is to be printed.
    pub(super) fn client(self) -> Result<(Client, bool), CliError> {
        Ok((self.api.client()?, self.json))
    }

    /// Submits, tells of the new job, and follows it if asked to.
    pub(super) async fn about(
        self,
        submit: impl AsyncFnOnce(&Client) -> Result<Value, CliError>,
    ) -> Result<ExitCode, CliError> {
        let Self { follow: watch, json: as_json, api } = self;
        let client = &api.client()?;
        let answer = submit(client).await?;
        let Some(job) = answer.get("job_id").and_then(Value::as_str) else {
            return Err(CliError::Unreachable(format!("the API answered without a job_id: {answer}")));
        };
        if !watch {
            print(&if as_json { format!("{}\n", json!({ "job_id": job })) } else { format!("{job}\n") })?;
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("job {job}");
        follow(client, job).await?;
        let record = client.job(job, false).await?;
        if as_json {
            print(&render::json(&record))?;
        } else {
            print(&format!("{}\n{}", render::job(&record), where_next(client, job)))?;
        }
        Ok(exit_code(&record))
    }
}

/// Reads a file, or stdin for `-`. What is not JSON is not worth sending.
pub(super) fn read(file: &Path) -> Result<String, CliError> {
    let name = file.display();
    let failed = |error: &dyn std::fmt::Display| CliError::Start(format!("cannot read {name}: {error}"));
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_SPEC).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(file).map_err(|error| failed(&error))?;
        file.take(MAX_SPEC).read_to_string(&mut text)
    }
    .map_err(|error| failed(&error))?;
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        return Err(CliError::Start(format!("{name} is not JSON: {error}")));
    }
    Ok(text)
}
