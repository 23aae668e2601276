//! `collector devnet --providers N`: providers that fail by script, for requests.

use std::path::PathBuf;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{CliError, print};
use crate::devnet::providers::{Providers, Script};

/// What is asked for of providers.
#[derive(Debug, clap::Args)]
pub(super) struct DataProviders {
    /// Instead of a network: N providers of data on HTTP, for `POST /request`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    providers: Option<u16>,
    /// The fraction of providers that fail at first: 500, 503, 408, 404, resets, wrong types.
    #[arg(long, value_name = "F", default_value_t = 0.0, value_parser = share, requires = "providers")]
    failing: f64,
    /// What every provider does, one question after the other: ok, text, ndjson, csv, bytes, large:BYTES, wrong, 500,
    /// 429:SECONDS, slow:MS, endless, silent, reset, redirect, parted by commas; 500x3 stands for three.
    #[arg(long, value_name = "STEPS", requires = "providers", conflicts_with = "failing")]
    script: Option<Script>,
    /// The port of the first provider, the others' follow; without it free ones.
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "providers")]
    first_port: u16,
    /// Write them as `[providers]` of a collector's configuration to this file.
    #[arg(long, value_name = "FILE", requires = "providers")]
    write_config: Option<PathBuf>,
}

impl DataProviders {
    /// Whether providers are asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.providers.is_some()
    }

    /// Runs them until `stop`.
    pub(super) async fn run(&self, stop: &CancellationToken, as_json: bool) -> Result<(), CliError> {
        let count = self.providers.unwrap_or_default();
        let failing = failing_of(count, self.failing);
        let script = |n: usize| match &self.script {
            Some(script) => script.clone(),
            None if n < failing => Script::failing(n),
            None => Script::good(),
        };
        let started = Providers::start((0..usize::from(count)).map(script).collect(), self.first_port).await;
        let providers = started.map_err(|error| CliError::Start(format!("cannot start providers: {error}")))?;
        if let Some(path) = &self.write_config {
            let failed = |error| CliError::Start(format!("{}: {error}", path.display()));
            std::fs::write(path, providers.to_toml()).map_err(failed)?;
        }
        let urls = providers.all().iter().map(|provider| (provider.name.clone(), json!(provider.url)));
        print(&if as_json {
            format!("{}\n", json!({ "providers": urls.collect::<serde_json::Map<_, _>>() }))
        } else {
            providers.to_toml()
        })?;
        stop.cancelled().await;
        Ok(())
    }
}

fn share(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("is not a fraction: 0 to 1".into()) }
}

/// How many of them fail.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a u16, rounded")]
fn failing_of(count: u16, share: f64) -> usize {
    (f64::from(count) * share).round() as usize
}
