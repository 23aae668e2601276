//! Settings: from what a client posted to what may be stored, and from there to what a platform reads.
//!
//! In: a settings struct (its schema) and JSON. accept: check against the schema, resolve dates, seal secrets.
//! open: unseal. Where dates and secrets stand is read from the schema alone, so both directions agree.
//! Flattened enums are not supported in a settings struct: their fields would count as unknown.

mod accept;
mod again;
mod date;
mod explain;
mod schema;
mod secret;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub(super) use self::{
    accept::check,
    schema::{places_of, schema_of},
};
pub use self::{
    accept::{OpenError, Opened},
    date::Date,
    schema::SettingField,
    secret::Secret,
};

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
