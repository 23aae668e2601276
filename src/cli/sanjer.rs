//! `collector sanjer`: the sanjers of some pools alone, on any machine that reaches the Redis.

use super::{
    CliError, logging,
    options::{Pool, Sources},
    stop, up,
};
use crate::config::Config;

/// Run the sanjers of a pool alone, against a Redis that runs already: this is how to scale out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector sanjer --redis-url redis://redis.example:6379 --pool heavy
  collector sanjer --redis-url redis://redis.example:6379 --pool heavy=8x1 --pool light=2x64")]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
    /// A pool to serve; without a size it is as large as the configuration says. Repeatable.
    #[arg(long = "pool", value_name = "NAME[=PROCESSESxSLOTS]", required = true)]
    pools: Vec<String>,
}

/// Runs until SIGINT or SIGTERM.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let configured = args.sources.clone().load(Vec::new())?;
    let pools = args.pools.iter().map(|text| pool(text, &configured)).collect::<Result<Vec<_>, _>>()?;
    let config = args.sources.load(pools.into_iter().map(Pool::into_override).collect())?;
    needs_redis(&config)?;
    logging::init(&config.log)?;
    let stop = stop::on_signal()?;
    let queue = up::queue(&config, up::connect(&config).await?).await?;
    let sealer = up::sealer(&config, &queue).await?;
    let hangups = stop::hangups()?;
    let supervisor = up::supervise(&config, &queue, up::registry()?, sealer)?;
    tokio::select! {
        () = stop.cancelled() => {}
        () = stop::reload_at_each(hangups, &supervisor) => {}
    }
    supervisor.stop().await;
    Ok(())
}

/// What a `--pool` means: with its own size, or the configured one.
fn pool(text: &str, configured: &Config) -> Result<Pool, CliError> {
    if text.contains('=') {
        return Pool::parse(text).map_err(|reason| CliError::Start(format!("--pool {text}: {reason}")));
    }
    let size = configured.sanjers.pools.get(text).copied().ok_or_else(|| {
        CliError::Start(format!("--pool {text}: the configuration has no such pool; give its size: {text}=2x1"))
    })?;
    Ok(Pool { name: text.to_owned(), size })
}

/// Only `up` brings a Redis of its own.
pub(super) fn needs_redis(config: &Config) -> Result<(), CliError> {
    if config.redis.url.is_empty() {
        return Err(CliError::Start(
            "redis.url is not set: this command needs a Redis that runs already (--redis-url URL); only `collector up` \
             brings its own"
                .into(),
        ));
    }
    Ok(())
}
