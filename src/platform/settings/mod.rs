//! Settings: from what a client posted to what may be stored, and from there to what a platform reads.
//!
//! accept: check against the schema, resolve dates, seal secrets. open: unseal. mask: hide what is sealed.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingsError {
    /// JSON pointer into the settings.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// When and where a date phrase is read.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The time of acceptance in the time zone of the task spec.
    pub now: jiff::Zoned,
}

/// A date.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Date(String);

/// A secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Secret(String);

/// The schema of a settings struct, unknown fields refused.
pub(super) fn schema_of<S: JsonSchema>() -> Schema {
    todo!()
}

impl super::Platform {
    /// Checks settings and turns them into what is stored: dates resolved, secrets sealed for `job`.
    /// All errors are reported, not the first only.
    pub fn accept(
        &self,
        settings: &Value,
        at: &Moment,
        sealer: &crate::secret::Sealer,
        job: crate::job::JobId,
    ) -> Result<Value, Vec<SettingsError>> {
        todo!()
    }

    /// Turns stored settings into what the platform reads: secrets opened.
    pub fn open(
        &self,
        stored: Value,
        sealer: &crate::secret::Sealer,
        job: crate::job::JobId,
    ) -> Result<Value, crate::secret::SealError> {
        todo!()
    }
}
