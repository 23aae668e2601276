//! What a supervisor starts: one sanjer. Its orders come over standard input.

use std::io::{BufReader, stdin};

use super::{CliError, logging};
use crate::sanjer;

/// Runs until told to end; then the process exits by itself.
pub(super) fn run() -> Result<(), CliError> {
    let mut orders = BufReader::new(stdin());
    let start = sanjer::read_start(&mut orders)
        .map_err(|error| CliError::Start(format!("this command is for supervisors: no orders on stdin: {error}")))?;
    logging::init_sanjer(&start.config.log, start.config.jobs.log_level)?;
    sanjer::run(start, orders).map_err(|error| CliError::Start(format!("{error:#}")))
}
