//! `collector up`: everything on this machine.
//!
//! configuration → logs → lock and private Redis → check → API and sanjers → a signal → back, in the reverse order.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    CliError, logging,
    options::{Pool, Sources, listen},
    print, stop,
};
use crate::{
    api,
    broker::{self, Broker, Embedded},
    config::Config,
    job::Jobs,
    platform::Registry,
    queue::Queue,
    sanjer::{self, Host, Supervisor},
    secret::Sealer,
};

/// Run everything: the API, the sanjers and, unless redis.url is set, a private Redis.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector up
  collector up --listen 127.0.0.1:0 --data-dir /var/lib/collector
  collector up --redis-url rediss://user:password@redis.example:6379 --pool light=2x64 --pool heavy=8x1

Pools named here replace those of the configuration. Ctrl-C stops it: running jobs get a grace period
(sanjers.stop_grace), what is left is handed back to the queue, and the private Redis is stopped last.
`collector reload` (or SIGHUP) replaces all sanjers one by one, without a gap.")]
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

/// Serves the API and keeps the sanjers until `stop`; then the API ends first, so that nothing new comes in.
async fn serve(config: &Config, stop: &CancellationToken) -> Result<(), CliError> {
    let queue = queue(config, connect(config).await?).await?;
    let (registry, sealer) = (registry()?, sealer(config, &queue).await?);
    let jobs = Jobs::new(queue.clone(), registry.clone(), sealer.clone(), config);
    let hangups = stop::hangups()?;
    let listener = bind(config).await?;
    let supervisor = supervise(config, &queue, registry, sealer)?;
    let serving = api::serve(listener, jobs, Arc::new(config.clone()), true, stop.clone());
    tokio::select! {
        () = serving => {}
        () = stop::reload_at_each(hangups, &supervisor) => {}
    }
    supervisor.stop().await;
    Ok(())
}

/// The sanjers of this host.
pub(super) fn supervise(
    config: &Config,
    queue: &Queue,
    registry: Arc<Registry>,
    sealer: Sealer,
) -> Result<Supervisor, CliError> {
    let host = Host { config, queue, registry, sealer };
    sanjer::supervise(&host, &config.sanjers.pools)
        .map_err(|error| CliError::Start(format!("cannot start sanjers: {error}")))
}

/// The queue, once this host agrees with all others on the number of shards.
pub(super) async fn queue(config: &Config, broker: Broker) -> Result<Queue, CliError> {
    let queue = Queue::new(broker, config);
    match queue.agree_on_shards().await {
        Ok(Ok(())) => Ok(queue),
        Ok(Err(noted)) => Err(CliError::Start(format!(
            "queue.shards = {} but the jobs in this Redis lie in {noted} shards: the number may only grow",
            config.queue.shards
        ))),
        Err(error) => Err(CliError::Start(error.to_string())),
    }
}

/// What the API needs to accept jobs: the platforms, and the key that every host must share.
pub(super) async fn jobs(config: &Config, queue: &Queue) -> Result<Jobs, CliError> {
    Ok(Jobs::new(queue.clone(), registry()?, sealer(config, queue).await?, config))
}

/// Every platform of this build.
pub(super) fn registry() -> Result<Arc<Registry>, CliError> {
    Registry::load().map(Arc::new).map_err(|error| CliError::Start(error.to_string()))
}

/// The key for secrets. A host with another key than the others' could neither open their secrets nor they its.
pub(super) async fn sealer(config: &Config, queue: &Queue) -> Result<Sealer, CliError> {
    let file = config.key_file();
    let sealer = Sealer::load(&file).map_err(|error| CliError::Start(error.to_string()))?;
    let agreed = queue.agree_on_key(&sealer.fingerprint()).await;
    if agreed.map_err(|error| CliError::Start(error.to_string()))? {
        return Ok(sealer);
    }
    Err(CliError::Start(format!(
        "{}: secrets in this Redis are sealed with another key: give this host the others' key file (secrets.key_file)",
        file.display()
    )))
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
