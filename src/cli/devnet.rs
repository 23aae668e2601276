//! `collector devnet`.

use super::CliError;

/// Nothing yet.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Nothing yet.
pub(super) async fn run(_args: Args) -> Result<(), CliError> {
    Err(CliError::Start("not in this build".into()))
}
