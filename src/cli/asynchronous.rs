//! `collector client`: the asynchronous client, and the secrets that receivers need.

use std::net::SocketAddr;

use clap::Subcommand;
use tokio::net::TcpListener;
use url::Url;

use super::{CliError, logging, options::Sources, print, stop};
use crate::{
    client::{self, Settings},
    config::Config,
    outbound,
    requests::{Secrets, secrets_for},
    secret::Sealer,
};

/// Run the asynchronous client: asks for data, receives callbacks, to start from for who integrates.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  collector client                                            on 127.0.0.1:8960, for the collector of this machine
  curl localhost:8960/retrieve -d '{\"providers\": [\"p0\", \"p1\"]}'
  curl 'localhost:8960/retrieval?id=…&wait=10s'
  collector client secret https://shop.example/hooks          what callbacks to this URL are signed with

On another machine it needs the secret that `collector client secret` prints where the collector runs.")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    sources: Sources,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8960")]
    listen: SocketAddr,
    /// Base URL of the collector's API.
    #[arg(long, value_name = "URL", env = "COLLECTOR_API_URL", default_value = "http://127.0.0.1:8900")]
    api: Url,
    /// Where the collector reaches this client; without it the address it listens on, and /callback.
    #[arg(long, value_name = "URL")]
    callback: Option<Url>,
    /// What callbacks are signed with, `whsec_…`, several parted by spaces; without it this machine's collector is asked.
    #[arg(long, value_name = "SECRETS", hide_env_values = true)]
    secrets: Option<Secrets>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print what callbacks to a URL are signed with.
    Secret {
        /// The URL.
        url: Url,
        #[command(flatten)]
        sources: Sources,
    },
}

/// Runs until it is told to stop.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    if let Some(Action::Secret { url, sources }) = args.action {
        let secrets = known(&url, &sources.load(Vec::new())?)?;
        return print(&format!("{}\n", secrets.reveal()));
    }
    let config = args.sources.load(Vec::new())?;
    logging::init(&config.log)?;
    let stop = stop::on_signal()?;
    let failed = |error| CliError::Start(format!("cannot listen on {}: {error}", args.listen));
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let base = format!("http://{}", listener.local_addr().map_err(failed)?);
    let callback = match args.callback {
        Some(callback) => callback,
        None => format!("{base}/callback").parse().map_err(|error| CliError::Start(format!("{base}: {error}")))?,
    };
    let secrets = match args.secrets {
        Some(secrets) => secrets,
        None => known(&callback, &config)?,
    };
    let settings = Settings { api: args.api, callback, secrets, http: outbound::Client::new(&config.network) };
    print(&format!("listening on {base}\n"))?;
    client::serve(listener, settings, stop).await.map_err(|error| CliError::Start(error.to_string()))
}

/// What the collector of this configuration signs callbacks to a URL with.
fn known(url: &Url, config: &Config) -> Result<Secrets, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Start(error.to_string());
    std::fs::create_dir_all(&config.data_dir).map_err(|error| failed(&error))?;
    let sealer = Sealer::load(&config.key_file()).map_err(|error| failed(&error))?;
    secrets_for(url, config, &sealer).map_err(|error| failed(&error))
}
