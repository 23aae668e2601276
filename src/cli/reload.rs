//! `collector reload`: has a running collector replace its sanjers.

use rustix::process::{Pid, Signal, kill_process};

use super::{CliError, options::Sources, print};
use crate::broker;

/// Replace the sanjers of a running `collector up`, one by one and without a gap; a new binary is picked up.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector reload                    the `collector up` of the configured data directory
  collector reload --pid 4711         any `collector up` or `collector sanjer`; the same as kill -HUP 4711

It does not wait: jobs that run may end first, however long they take. Jobs of the pool standing go on elsewhere.")]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Which process; needed if it does not have a private Redis.
    #[arg(long)]
    pid: Option<u32>,
}

/// Asks.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    let pid = args.pid.map_or_else(|| of_directory(args.sources), Ok)?;
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let target = target.ok_or_else(|| CliError::Start(format!("--pid {pid}: not a process id")))?;
    kill_process(target, Signal::HUP)
        .map_err(|error| CliError::Start(format!("process {pid} cannot be asked: {error}")))?;
    print(&format!("asked process {pid} to replace its sanjers\n"))
}

/// The collector of the configured data directory.
fn of_directory(sources: Sources) -> Result<u32, CliError> {
    let config = sources.load(Vec::new())?;
    let dir = config.data_dir.display();
    let nobody = || CliError::Start(format!("no collector runs on the data directory {dir}; choose it or give --pid"));
    broker::holder(&config.data_dir).ok_or_else(nobody)
}
