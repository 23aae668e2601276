//! `collector api`: the API alone.

use std::sync::Arc;

use super::{
    CliError, logging,
    options::{Sources, listen},
    sanjer::needs_redis,
    stop, up,
};

/// Run the API alone, against a Redis that runs already.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  collector api --redis-url redis://redis.example:6379 --listen 127.0.0.1:8901")]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8900].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// Runs until SIGINT or SIGTERM.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let config = args.sources.load(listen(args.listen))?;
    needs_redis(&config)?;
    logging::init(&config.log)?;
    let stop = stop::on_signal()?;
    let queue = up::queue(&config, up::connect(&config).await?).await?;
    let jobs = up::jobs(&config, &queue).await?;
    let listener = up::bind(&config).await?;
    crate::api::serve(listener, jobs, Arc::new(config), false, stop).await;
    Ok(())
}
