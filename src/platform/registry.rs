//! All platforms, found at build time by `build.rs`, and checked when they are loaded.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{Moment, Platform, STANDING};
use crate::job::TaskSpec;

#[allow(
    missing_docs,
    clippy::used_underscore_items,
    clippy::unused_async,
    reason = "a platform's file is private; its doc comments are for who uses it, and its entry point is `async fn _run`"
)]
mod files {
    include!(concat!(env!("OUT_DIR"), "/platforms.rs"));
}

/// Every platform by its id.
#[derive(Debug)]
pub struct Registry {
    platforms: BTreeMap<&'static str, Platform>,
}

/// A platform's file contradicts itself.
#[derive(Debug, thiserror::Error)]
#[error("platforms/{platform}.rs: {detail}")]
pub struct RegistryError {
    platform: &'static str,
    detail: String,
}

impl RegistryError {
    pub(super) fn new(platform: &'static str, detail: impl Into<String>) -> Self {
        Self { platform, detail: detail.into() }
    }
}

impl Registry {
    /// All platforms of this build.
    pub fn load() -> Result<Self, RegistryError> {
        Self::of(files::found()?)
    }

    pub(crate) fn of(found: Vec<Platform>) -> Result<Self, RegistryError> {
        let mut platforms = BTreeMap::new();
        for platform in found {
            let id = platform.id;
            platform.consistent().map_err(|detail| RegistryError::new(id, detail))?;
            if platforms.insert(id, platform).is_some() {
                return Err(RegistryError::new(id, "there are two platforms with this id"));
            }
        }
        Ok(Self { platforms })
    }

    /// Every pool that a job of this build can be in.
    pub fn pools(&self) -> BTreeSet<String> {
        self.iter().flat_map(|platform| platform.spec.pools()).map(str::to_owned).collect()
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<&Platform> {
        self.platforms.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Platform> {
        self.platforms.values()
    }
}

impl Platform {
    /// Whether its file agrees with itself: what no type can say.
    fn consistent(&self) -> Result<(), String> {
        let spec = &self.spec;
        if spec.attempts == 0 {
            return Err("PLATFORM.attempts must be at least 1".into());
        }
        match spec.timeout {
            None if spec.pool != STANDING => {
                return Err(format!("PLATFORM.timeout may be None only in the pool {STANDING}"));
            }
            Some(Duration::ZERO) => return Err("PLATFORM.timeout must be longer than nothing".into()),
            _ => {}
        }
        if let Some(field) = undescribed(&self.schema, "") {
            return Err(format!("the setting {field} needs a doc comment: people read it in forms and lists"));
        }
        self.check_example()
    }

    fn check_example(&self) -> Result<(), String> {
        let Some(text) = self.example_text() else { return Ok(()) };
        let failed = |why: &dyn std::fmt::Display| format!("the example in its doc comment: {why}");
        let spec: TaskSpec = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        if spec.platform_id != self.id {
            return Err(failed(&format!("platform_id is {:?}, not {:?}", spec.platform_id, self.id)));
        }
        let at = Moment { now: Timestamp::now().to_zoned(TimeZone::UTC) };
        self.resolve(&Value::Object(spec.settings), &at).map(drop).map_err(|errors| {
            let all: Vec<_> = errors.iter().map(|e| format!("settings{} {}", e.pointer, e.detail)).collect();
            failed(&all.join("; "))
        })
    }
}

/// The first setting without a description, in the settings themselves or in a struct they hold.
fn undescribed(schema: &Value, path: &str) -> Option<String> {
    match schema {
        Value::Object(object) => object.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("properties", Value::Object(fields)) => fields.iter().find_map(|(name, field)| {
                let path = format!("{path}/{name}");
                // The tag of an enum is named by serde, where no comment can stand.
                let silent = field.get("description").is_none() && field.get("const").is_none();
                if silent { Some(path) } else { undescribed(field, &path) }
            }),
            ("default" | "const" | "enum" | "examples", _) => None,
            _ => undescribed(value, path),
        }),
        Value::Array(items) => items.iter().find_map(|item| undescribed(item, path)),
        _ => None,
    }
}
