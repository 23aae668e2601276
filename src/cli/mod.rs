//! The `collector` program: one file a command.
//!
//! In: the command line. Out: what people and scripts read (answers on stdout, everything else on stderr) and an exit
//! code. Commands that run the collector are `up`, `api` and `sanjer`; the others are clients of its HTTP API.

mod api;
mod asynchronous;
mod bench;
mod bulk;
mod cancel;
mod chaos;
mod check_url;
mod client;
mod config;
mod crawl;
mod devnet;
mod error;
mod filter;
mod follow;
mod get;
mod hathor;
mod list;
mod logging;
mod options;
mod platforms;
mod progress;
mod providers;
mod reload;
mod render;
mod retry;
mod run;
mod sanjer;
mod sanjer_process;
mod sse;
mod stop;
mod up;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use self::error::CliError;

/// What `--help` says below the list of commands.
const HELP: &str = "\
Examples:
  collector up                                    run everything on this machine, http://127.0.0.1:8900
  collector run examples/enr_crawl.json --follow  submit a job, watch it, print its result
  collector get JOB_ID --full                     read a job with its datasets and log
  collector cancel JOB_ID                         stop a job
  collector platforms                             what can be executed, and with which settings

Exit codes:
  0  done
  1  the job did not succeed, or what was asked about does not exist
  2  wrong usage, bad input, or it could not start
  3  the API cannot be reached or cannot serve now

Configuration: collector.toml (or --config FILE), then COLLECTOR_<SECTION>__<KEY> of the environment, then flags;
`collector config show` prints what results.";

/// Executes jobs: a JSON task spec goes in over HTTP, a platform runs it in a watched process, the result comes out.
#[derive(Debug, Parser)]
#[command(name = "collector", version, after_help = HELP, max_term_width = 110)]
struct Collector {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything: the API, the sanjers and, unless redis.url is set, a private Redis.
    Up(up::Args),
    /// Run the API alone, against a Redis that runs already.
    Api(api::Args),
    /// Run the sanjers of a pool alone, against a Redis that runs already: this is how to scale out.
    Sanjer(sanjer::Args),
    /// Submit a job.
    Run(run::Args),
    /// Read a job.
    Get(get::Args),
    /// Stop a job.
    Cancel(cancel::Args),
    /// Run a job again that did not succeed.
    Retry(retry::Args),
    /// List jobs, find jobs.
    List(list::Args),
    /// Cancel, run again or delete many jobs.
    Bulk(bulk::Args),
    /// Read what was crawled: nodes, statistics, files.
    Crawl(crawl::Args),
    /// Say whether a job would call a URL, and if not, why.
    CheckUrl(check_url::Args),
    /// Replace the sanjers of a running collector, one by one.
    Reload(reload::Args),
    /// Show what can be executed, or execute it here.
    Platforms(platforms::Args),
    /// Show or check the configuration.
    Config(config::Args),
    /// Run a local discv5 network to crawl, full nodes to poll, or providers of data to ask: no internet.
    Devnet(devnet::Args),
    /// Run the asynchronous client: asks for data, receives callbacks, to start from for who integrates.
    Client(asynchronous::Args),
    /// Measure what the README claims.
    Bench(bench::Args),
    /// Rehearse failures: kill the collector's processes at random under load, and check that no job is lost.
    Chaos(chaos::Args),
    /// Be a sanjer; started by a supervisor, which says over standard input what it is.
    #[command(name = crate::sanjer::PROCESS_COMMAND, hide = true)]
    SanjerProcess,
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  collector completions bash > /etc/bash_completion.d/collector")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Runs the command that the command line asks for.
pub fn main() -> ExitCode {
    let Collector { command } = Collector::parse();
    // The first to say so decides for redis and reqwest alike; nobody has before us.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return CliError::Start("a TLS provider was installed already".into()).report();
    }
    // A sanjer has runtimes of its own.
    if matches!(command, Command::SanjerProcess) {
        return sanjer_process::run().map_or_else(|error| error.report(), |()| ExitCode::SUCCESS);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CliError::Start(format!("cannot start the runtime: {error}")).report(),
    };
    match runtime.block_on(dispatch(command)) {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

async fn dispatch(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Up(args) => up::run(args).await?,
        Command::Api(args) => api::run(args).await?,
        Command::Sanjer(args) => sanjer::run(args).await?,
        Command::Run(args) => return run::run(args).await,
        Command::Get(args) => return get::run(args).await,
        Command::Cancel(args) => return cancel::run(args).await,
        Command::Retry(args) => return retry::run(args).await,
        Command::Bulk(args) => return bulk::run(args).await,
        Command::CheckUrl(args) => return check_url::run(args).await,
        Command::Reload(args) => reload::run(args)?,
        Command::List(args) => list::run(args).await?,
        Command::Crawl(args) => crawl::run(args).await?,
        Command::Platforms(args) => return platforms::run(args).await,
        Command::Config(args) => config::run(args)?,
        Command::Devnet(args) => devnet::run(args).await?,
        Command::Client(args) => asynchronous::run(args).await?,
        Command::Bench(args) => return bench::run(args).await,
        Command::Chaos(args) => return chaos::run(args).await,
        Command::SanjerProcess => sanjer_process::run()?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Collector::command(), "collector", &mut script);
            print(&String::from_utf8_lossy(&script))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints an answer on stdout. A reader that has read enough (`| head`) is no error.
fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Start(format!("cannot write the answer: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Collector::command().debug_assert();
    }
}
