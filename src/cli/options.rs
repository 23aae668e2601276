//! Flags that several commands share.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, ConfigError, Overrides, PoolSize, load};

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Sources {
    /// Configuration file [default: collector.toml, if it is there].
    #[arg(long, value_name = "FILE", env = "COLLECTOR_CONFIG")]
    config: Option<PathBuf>,
    /// Where the private Redis, the key file and the lock live.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Redis to use: redis://, rediss:// or unix://; redis+sentinel:// or redis+cluster:// with a list of servers.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
}

/// One pool of sanjers, as a flag names it.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    /// Its name.
    pub(super) name: String,
    /// How large it shall be.
    pub(super) size: PoolSize,
}

impl Sources {
    /// The configuration, `more` being what a command's own flags say.
    pub(super) fn load(self, mut more: Overrides) -> Result<Config, ConfigError> {
        more.extend(self.data_dir.map(|dir| ("data_dir".to_owned(), dir)));
        more.extend(self.redis_url.map(|url| ("redis.url".to_owned(), url)));
        load(self.config.as_deref(), more)
    }
}

impl Pool {
    /// Reads `NAME=PROCESSESxSLOTS`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, size) = text.split_once('=').ok_or("expected NAME=PROCESSESxSLOTS like heavy=2x1")?;
        let size = size.parse().map_err(|error: crate::config::UnitError| error.to_string())?;
        Ok(Self { name: name.to_owned(), size })
    }

    /// As an override of the configuration.
    pub(super) fn into_override(self) -> (String, String) {
        (format!("sanjers.pools.{}", self.name), self.size.to_string())
    }
}

/// The address that `--listen` gives, as an override of the configuration.
pub(super) fn listen(address: Option<String>) -> Overrides {
    address.map(|address| ("api.listen".to_owned(), address)).into_iter().collect()
}
