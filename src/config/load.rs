//! Reads and merges the sources, then checks what types cannot say.

use std::path::Path;

use super::Config;

/// What flags may override: `(path, value)` like `("api.listen", "127.0.0.1:0")`.
pub type Overrides = Vec<(String, String)>;

/// The configuration cannot be used; one sentence that names source, path and value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Merges defaults, file, environment and flags.
pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Config, ConfigError> {
    todo!()
}
