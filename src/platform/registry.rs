//! All platforms, found at build time by `build.rs`.

#![expect(clippy::doc_markdown)]
use std::collections::BTreeMap;

use super::Platform;

include!(concat!(env!("OUT_DIR"), "/platforms.rs"));

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

impl Registry {
    /// All platforms of this build.
    pub fn load() -> Result<Self, RegistryError> {
        todo!()
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
