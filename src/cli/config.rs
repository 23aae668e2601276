//! `collector config`: what the sources say together.

use clap::Subcommand;

use super::{CliError, options::Sources, print};

/// Show or check the configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every key with its effective value, as TOML; the password of Redis is masked.
    Show(Sources),
    /// Say whether the configuration can be used; exit code 2 if not.
    Check(Sources),
}

/// Shows or checks.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    match args.action {
        Action::Show(sources) => {
            let toml = sources.load(Vec::new())?.to_toml();
            print(&toml.map_err(|error| CliError::Start(format!("cannot print the configuration: {error}")))?)
        }
        Action::Check(sources) => {
            sources.load(Vec::new())?;
            print("the configuration can be used\n")
        }
    }
}
