//! Secrets: sealed before a task spec enters Redis, opened only in the sanjer, `••••` everywhere else.

use std::path::Path;

use crate::job::JobId;

/// What stands for a secret in every answer and log.
pub const MASK: &str = "••••";

/// Seals and opens secrets with the host's key.
#[derive(Clone)]
pub struct Sealer {}

/// A secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SealError(String);

impl Sealer {
    /// Reads the key file, or makes it (mode 0600) if it does not exist.
    pub fn load(key_file: &Path) -> Result<Self, SealError> {
        todo!()
    }

    /// What tells two keys apart without telling the key; kept in Redis so that hosts with another key refuse to start.
    pub fn fingerprint(&self) -> String {
        todo!()
    }

    /// Seals `clear` for one place of one job.
    pub fn seal(&self, clear: &str, job: JobId, pointer: &str) -> Result<String, SealError> {
        todo!()
    }

    /// Opens what `seal` made for the same place of the same job.
    pub fn open(&self, sealed: &str, job: JobId, pointer: &str) -> Result<String, SealError> {
        todo!()
    }

    /// A keyed hash (HMAC-SHA256, hex): for request bodies that may hold secrets.
    pub fn keyed_hash(&self, bytes: &[u8]) -> String {
        todo!()
    }
}

/// Replaces everything sealed in stored settings by [`MASK`].
pub fn mask(stored: &mut serde_json::Value) {
    todo!()
}
