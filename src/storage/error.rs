//! What can go wrong with storage, and what happens next.

use crate::platform::Failure;

/// Storage failed. No text here says a secret: not the URL, not its password.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The settings cannot work: a bad path, a refused host, a wrong password, a missing database.
    #[error("settings{pointer}: {detail}")]
    Settings {
        /// JSON pointer into the platform's settings.
        pointer: &'static str,
        /// What is wrong and what would be right.
        detail: String,
    },
    /// The database cannot be reached, has gone away, or is held by another; it may work later. A write that failed
    /// so may have taken place, if the connection broke at its very end: write it again, that changes nothing more.
    #[error("the storage is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// It took too long.
    #[error("the storage did not answer within {0} s")]
    Slow(u64),
    /// There is a table of this name, and it is not ours. Nothing was changed about it.
    #[error("the table {table} in the storage is another one: its column {column} {why}")]
    SchemaDiffers {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// How it differs.
        why: String,
    },
    /// A row or a key that cannot be written. Nothing was.
    #[error("the table {table}{}{column} {why}", if column.is_empty() { "" } else { ": " })]
    Unfit {
        /// The table.
        table: &'static str,
        /// The column, if it is one.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Too much for one write. Nothing was written.
    #[error("a write may have {most} {what}, and this one has more")]
    TooMuch {
        /// `changes` or `bytes`.
        what: &'static str,
        /// How many are allowed.
        most: usize,
    },
    /// The code that asks for the storage states an impossible table.
    #[error("the table {table} cannot be: {why}")]
    Definition {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The database said no, for a reason that will not go away by itself.
    #[error("the storage refused: {0}")]
    Refused(#[source] sqlx::Error),
}

impl StorageError {
    /// The settings are at fault.
    pub(super) fn settings(pointer: &'static str, detail: impl Into<String>) -> Self {
        Self::Settings { pointer, detail: detail.into() }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let message = error.to_string();
        match error {
            StorageError::Settings { pointer, detail } => Self::settings(pointer, detail),
            StorageError::Unavailable(_) => Self::transient("storage_unavailable", message),
            StorageError::Slow(_) => Self::transient("storage_slow", message),
            StorageError::SchemaDiffers { .. } => Self::fatal("storage_schema", message),
            StorageError::Unfit { .. } => Self::fatal("storage_value", message),
            StorageError::TooMuch { .. } => Self::fatal("storage_too_much", message),
            StorageError::Definition { .. } => Self::fatal("storage_definition", message),
            StorageError::Refused(_) => Self::fatal("storage_refused", message),
        }
    }
}
