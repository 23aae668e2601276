//! What would be stored of a task spec, for who still writes it.

use serde_json::Value;

use super::{JobId, Jobs, Refusal};
use crate::secret;

/// A task spec that would be accepted.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Checked {
    /// Its platform.
    pub platform_id: String,
    /// The pool whose sanjers would run it.
    pub pool: String,
    /// Its settings as they would be stored: dates as `{phrase, value}`, with what they mean now; secrets masked.
    pub settings: Value,
}

impl Jobs {
    /// Checks a task spec as [`Jobs::submit`] does; nothing is stored.
    pub fn check(&self, body: &[u8]) -> Result<Checked, Refusal> {
        let job = self.accept(self.parse(body)?, JobId::new(self.queue.any_shard()))?;
        // It was written a moment ago.
        let mut settings = serde_json::from_str(&job.settings).unwrap_or_default();
        secret::mask(&mut settings);
        Ok(Checked { platform_id: job.platform_id, pool: job.pool, settings })
    }
}
