//! `collector platforms`: what can be executed; and executing it here, without Redis, for who writes a platform.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{CliError, client::Api, logging, options::Sources, print, progress::Progress, render, run, stop};
use crate::{
    broker::Scratch,
    job::{JobId, Shard},
    outbound,
    platform::{Context, Envelope, Moment, Network, Platform, Redis, Registry, Report, Run},
    secret::Sealer,
};

/// Reports that may wait for the terminal.
const REPORTS: usize = 64;

/// Show what can be executed, or execute it here.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  collector platforms
  collector platforms --json | jq '.platforms[].example'
  collector platforms run noop settings.json")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print JSON instead of text for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: Api,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run one in this terminal, without the API and without the collector's Redis: for debugging a platform.
    Run(Foreground),
}

#[derive(Debug, clap::Args)]
struct Foreground {
    /// The platform.
    id: String,
    /// Its settings, a JSON file; - reads them from stdin.
    settings: PathBuf,
    #[command(flatten)]
    sources: Sources,
}

/// Lists, or runs one.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    if let Some(Action::Run(foreground)) = args.action {
        return run_here(foreground).await;
    }
    let answer = args.api.client()?.get("platforms/get", &[]).await?;
    if args.json {
        print(&render::json(&answer))?;
        return Ok(ExitCode::SUCCESS);
    }
    let none = Vec::new();
    for platform in answer.get("platforms").and_then(Value::as_array).unwrap_or(&none) {
        let said = |key: &str| platform.get(key).and_then(Value::as_str).unwrap_or_default();
        print(&format!("{}  ({})\n  {}\n", said("id"), said("pool"), said("description")))?;
        let settings = platform.get("settings").and_then(Value::as_array).unwrap_or(&none);
        if !settings.is_empty() {
            print(&render::rows(settings, &["name", "type", "required", "default", "description"]))?;
        }
        print("\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs one platform in this process; what it says goes to stderr, what it returns to stdout.
async fn run_here(args: Foreground) -> Result<ExitCode, CliError> {
    let config = args.sources.load(Vec::new())?;
    logging::init(&config.log)?;
    let registry = Registry::load().map_err(|error| CliError::Start(error.to_string()))?;
    let platform = registry.get(&args.id).ok_or_else(|| {
        let known: Vec<_> = registry.iter().map(|platform| platform.id).collect();
        CliError::Start(format!("there is no platform {:?}; there are {}", args.id, known.join(", ")))
    })?;
    let text = run::read(&args.settings)?;
    let posted = serde_json::from_str(&text).map_err(|error| CliError::Start(error.to_string()))?;
    let job = JobId::new(Shard(0));
    let settings = opened(platform, &posted, &config, job)?;

    let stop = stop::on_signal()?;
    let (reports, mut said) = mpsc::channel::<Envelope>(REPORTS);
    let network = Network { allow_public: config.network.allow_public };
    let scratch = platform.spec.keeps.then(Scratch::start).transpose().map_err(|error| no_redis(&error))?;
    let redis = match &scratch {
        Some(scratch) => {
            let broker = scratch.broker().await.map_err(|error| CliError::Start(error.to_string()))?;
            Some(Redis { broker, shards: 1 })
        }
        None => None,
    };
    let http = outbound::Client::new(&config.network);
    let running = platform.run(Context::new(Run::unrecorded(job, network, http, redis), stop, reports), settings);
    let listening = async {
        let mut progress = Progress::new();
        while let Some(envelope) = said.recv().await {
            show(envelope.report, &mut progress);
        }
        progress.end();
    };
    // The listener ends when the run has dropped its context.
    match tokio::join!(running, listening).0 {
        Ok(result) => {
            let result = serde_json::from_str(&result).map_err(|error| CliError::Start(error.to_string()))?;
            print(&render::json(&result))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            eprintln!("{}", render::json(&json!(failure.to_error())));
            Ok(ExitCode::from(1))
        }
    }
}

fn no_redis(error: &std::io::Error) -> CliError {
    CliError::Start(format!("this platform keeps what it finds in Redis, and no scratch redis-server starts: {error}"))
}

/// Settings on the same way as through the API: checked, sealed, opened.
fn opened(platform: &Platform, posted: &Value, config: &crate::config::Config, job: JobId) -> Result<String, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Start(error.to_string());
    std::fs::create_dir_all(&config.data_dir).map_err(|error| failed(&error))?;
    let sealer = Sealer::load(&config.key_file()).map_err(|error| failed(&error))?;
    let at = Moment { now: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC) };
    let stored = platform.accept(posted, &at, &sealer, job).map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(|error| format!("\n  {}: {}", error.pointer, error.detail)).collect();
        CliError::Start(format!("the settings do not fit {}:{}", platform.id, lines.concat()))
    })?;
    platform.open_text(&stored.to_string(), &sealer, job).map(|opened| opened.json).map_err(|error| failed(&error))
}

fn show(report: Report, progress: &mut Progress) {
    match report {
        Report::Progress { fraction, message } => progress.at(fraction, &message),
        Report::Log(line) => progress.line(&format!("log: {line}")),
        Report::Metadata { key, value } => progress.line(&format!("metadata: {key} = {value}")),
        Report::Traced(event) => progress.line(&format!("{}: {}", event.level, event.line)),
        Report::Resumed => {}
        Report::Checkpoint(json) => progress.line(&format!("checkpoint: {} bytes", json.len())),
        Report::Dataset { tag, rows } => progress.line(&format!("{}: {} rows", tag.as_str(), rows.len())),
    }
}
