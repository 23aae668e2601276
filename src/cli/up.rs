//! `collector up`: everything on this machine.
//!
//! configuration → logs → lock and private Redis → check → API and sanjers → a signal → back, in the reverse order.

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    CliError, logging,
    options::{Pool, Sources, listen},
    print, stop,
};
use crate::{
    broker::{self, Broker, Embedded},
    config::Config,
};

/// Run everything: the API, the sanjers and, unless redis.url is set, a private Redis.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector up
  collector up --listen 127.0.0.1:0 --data-dir /var/lib/collector
  collector up --redis-url rediss://user:password@redis.example:6379 --pool light=2x64 --pool heavy=8x1

Pools named here replace those of the configuration. Ctrl-C stops it: running jobs get a grace period
(sanjers.stop_grace), what is left is handed back to the queue, and the private Redis is stopped last.")]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8900].
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// A pool of sanjers: so many processes, each with so many jobs at once. Repeatable.
    #[arg(long = "pool", value_name = "NAME=PROCESSESxSLOTS", value_parser = Pool::parse)]
    pools: Vec<Pool>,
}

/// Runs until SIGINT or SIGTERM.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let mut overrides = listen(args.listen);
    overrides.extend(args.pools.into_iter().map(Pool::into_override));
    let mut config = args.sources.load(overrides)?;
    logging::init(&config.log)?;
    let stop = stop::on_signal()?;

    let embedded = if config.redis.url.is_empty() {
        let embedded = tokio::select! {
            embedded = Embedded::start(&config) => embedded?,
            () = stop.cancelled() => return Ok(()),
        };
        config.redis.url = embedded.address().url();
        print(&format!("{}\n", embedded.address()))?;
        Some(embedded)
    } else {
        None
    };
    let result = serve(&config, &stop).await;
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
    result
}

/// Everything that needs Redis, until `stop`.
async fn serve(config: &Config, stop: &CancellationToken) -> Result<(), CliError> {
    let broker = connect(config).await?;
    let listener = bind(config).await?;
    hold(config, &broker, listener, stop).await
}

/// Serves the API and keeps the sanjers until `stop`; then the API ends first, so that nothing new comes in.
async fn hold(
    _config: &Config,
    _broker: &Broker,
    _listener: TcpListener,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    stop.cancelled().await;
    Ok(())
}

/// The Redis of `redis.url`, found fit.
pub(super) async fn connect(config: &Config) -> Result<Broker, CliError> {
    let broker = Broker::connect(&config.redis)
        .await
        .map_err(|error| CliError::Start(format!("{}: {error}", config.redis.shown_url())))?;
    let software = broker::check(&broker).await?;
    tracing::info!(redis = %software, url = config.redis.shown_url(), "connected to redis");
    Ok(broker)
}

/// The socket of the API, its address told on stdout.
pub(super) async fn bind(config: &Config) -> Result<TcpListener, CliError> {
    let asked = config.api.listen;
    let failed = |error| CliError::Start(format!("cannot listen on {asked} (api.listen): {error}"));
    let listener = TcpListener::bind(asked).await.map_err(failed)?;
    print(&format!("listening on http://{}\n", listener.local_addr().map_err(failed)?))?;
    Ok(listener)
}
