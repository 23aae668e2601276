//! Reads and merges the sources, so that every value remembers where it came from.

use std::{env, path::Path};

use config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::{Config, check};

const DEFAULTS: &str = include_str!("../config.default.toml");

/// The file that is read when no other is named, if it exists.
const FILE: &str = "collector.toml";

/// What every variable of the environment that configures starts with.
const PREFIX: &str = "COLLECTOR_";

/// Variables that are flags' stand-ins (see `src/cli`), not keys.
const NOT_KEYS: [&str; 2] = ["COLLECTOR_API_URL", "COLLECTOR_CONFIG"];

/// What flags may override: `(path, value)` like `("api.listen", "127.0.0.1:0")`.
pub type Overrides = Vec<(String, String)>;

/// The configuration cannot be used; one sentence that names source, path and value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(super) String);

/// Merges defaults, file, environment and flags. Without `file`, `collector.toml` is read if it is there.
pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Config, ConfigError> {
    let file = file.or_else(|| Some(Path::new(FILE)).filter(|path| path.exists()));
    let environment = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let environment = environment.filter_map(|(name, value)| Some((name, value.into_string().ok()?)));
    merge(file, environment, overrides)
}

/// What holds where nothing else is said.
pub fn defaults() -> Result<Config, ConfigError> {
    merge(None, std::iter::empty(), Overrides::new())
}

/// As [`load`], with the environment as an argument.
pub(super) fn merge(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    overrides: Overrides,
) -> Result<Config, ConfigError> {
    let environment = environment
        .filter(|(name, _)| name.starts_with(PREFIX) && !NOT_KEYS.contains(&name.as_str()))
        .map(|(name, value)| {
            let path = name.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
            (path, Value::new(Some(&name), value))
        });
    let flags = overrides.into_iter().map(|(path, value)| (path, Value::new(Some(&"command line".to_owned()), value)));

    let mut sources = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(path) = file {
        if !path.exists() {
            return Err(ConfigError(format!("{}: there is no such file", path.display())));
        }
        sources = sources.add_source(File::from(path).format(FileFormat::Toml));
    }
    let merged = sources.add_source(Layer(environment.collect())).add_source(Layer(flags.collect())).build();
    let merged = merged.map_err(|error| ConfigError(unreadable(&error)))?.cache;
    let defaults = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build();
    let defaults = defaults.map_err(|error| ConfigError(unreadable(&error)))?.cache;

    check::shape("", &merged, &defaults)?;
    let merged = only_latest_pools(merged);
    let config = serde_path_to_error::deserialize(merged.clone())
        .map_err(|error| check::wrong(&merged, &error.path().to_string(), &reason(error.inner())))?;
    check::meaning(&config).map_err(|(path, reason)| check::wrong(&merged, path, &reason))?;
    Ok(config)
}

/// Values of the environment or the command line, by path.
#[derive(Clone, Debug)]
struct Layer(Vec<(String, Value)>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.iter().cloned().collect())
    }
}

/// Keeps of `sanjers.pools` what its latest source said: merging would leave no way to have fewer pools.
fn only_latest_pools(mut merged: Value) -> Value {
    if let ValueKind::Table(root) = &mut merged.kind
        && let Some(ValueKind::Table(sanjers)) = root.get_mut("sanjers").map(|value| &mut value.kind)
        && let Some(ValueKind::Table(pools)) = sanjers.get_mut("pools").map(|value| &mut value.kind)
    {
        let latest = pools.values().map(rank).max();
        pools.retain(|_, size| Some(rank(size)) == latest);
    }
    merged
}

/// How late a value's source is merged.
fn rank(value: &Value) -> u8 {
    match value.origin() {
        None => 0,
        Some("command line") => 3,
        Some(name) if name.starts_with(PREFIX) => 2,
        Some(_) => 1,
    }
}

/// Why a value is not of its type, without the path and the source, which the sentence has already.
fn reason(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::At { error, .. } => reason(error),
        config::ConfigError::Type { expected, .. } => format!("expected {expected}"),
        other => other.to_string(),
    }
}

/// The first and the last line of what the TOML parser says; the lines between draw the place.
fn unreadable(error: &config::ConfigError) -> String {
    let (file, text) = match error {
        config::ConfigError::FileParse { uri, cause } => {
            (uri.as_deref().unwrap_or("config.default.toml"), cause.to_string())
        }
        other => ("configuration", other.to_string()),
    };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let detail = lines.next_back().map(|last| format!(": {last}")).unwrap_or_default();
    format!("{file}: {first}{detail}")
}
