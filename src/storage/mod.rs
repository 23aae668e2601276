//! Storage: where a task spec asks its rows to go, `{"type": "sqlite" | "postgres", "settings": {…}}`.
//!
//! In: [`Settings`], a member `storage` of a platform's settings; the [`Table`]s its code knows; [`Change`]s to them.
//! Out: tables in a database of the user's own, for others to query. Invariants: a write is one transaction, all of it
//! or nothing; to write the same again changes nothing; a table that is there and looks different is left alone; names
//! come from code and are quoted, values are always bound; no error says a secret; no call waits for ever.
//!
//! A further type is a file with its settings and a `Database`, a variant of [`Settings`] and an arm in
//! [`Storage::open`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use collector::platform::Network;
//! use collector::storage::{Cell, Change, Column, Kind, Settings, Storage, Table};
//!
//! static EDGES: Table = Table {
//!     name: "edges",
//!     columns: &[
//!         Column { name: "node", kind: Kind::Text },
//!         Column { name: "neighbour", kind: Kind::Text },
//!         Column { name: "seen", kind: Kind::Time },
//!     ],
//!     key: &["node", "neighbour"],
//! };
//!
//! # let path = std::env::temp_dir().join(format!("etlas-storage-{}.db", std::process::id()));
//! # let path = path.to_str().ok_or("a path that is not text")?;
//! let settings: Settings = serde_json::from_value(serde_json::json!({
//!     "type": "sqlite", "settings": { "path": path }
//! }))?;
//! let mut storage = Storage::open(&settings, &[&EDGES], Network::default()).await?;
//! // What a node knew before, replaced by what it knows now.
//! let now = jiff::Timestamp::now();
//! storage
//!     .write(&[
//!         Change::Remove { table: &EDGES, prefix: vec!["a".into()] },
//!         Change::Put { table: &EDGES, row: vec!["a".into(), "b".into(), now.into()] },
//!         Change::Put { table: &EDGES, row: vec!["a".into(), "c".into(), Cell::Null] },
//!     ])
//!     .await?;
//! storage.close().await;
//! # std::fs::remove_file(path)?;
//! # Ok(())
//! # }
//! ```

mod cell;
mod error;
mod plan;
mod postgres;
mod sqlite;
mod table;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::{
    cell::{Cell, MAX_KEY_TEXT, MAX_TEXT},
    error::StorageError,
    plan::{MAX_BYTES, MAX_CHANGES},
    postgres::PostgresSettings,
    sqlite::SqliteSettings,
    table::{Column, Kind, Table},
};
use self::{
    plan::{Work, plan},
    postgres::Postgres,
    sqlite::Sqlite,
};
use crate::platform::Network;

/// Where the rows go. It must be the member `storage` of a platform's settings: errors point there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// A file on the machine that runs the job.
    Sqlite {
        /// Which file.
        settings: SqliteSettings,
    },
    /// A PostgreSQL server.
    Postgres {
        /// Which server, and where in it.
        settings: PostgresSettings,
    },
}

/// One thing to do to a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Puts a row, in place of the one with the same key if there is one.
    Put {
        /// The table.
        table: &'static Table,
        /// A cell for each of its columns.
        row: Vec<Cell>,
    },
    /// Removes every row whose key begins with these cells.
    Remove {
        /// The table.
        table: &'static Table,
        /// One cell or more, as many as the key has at most.
        prefix: Vec<Cell>,
    },
}

/// The longest a connection may take, creating the tables included.
const CONNECT: Duration = Duration::from_secs(15);

/// The longest a write may take on an open connection.
const WRITE: Duration = Duration::from_mins(1);

/// One kind of database. It connects when it is opened, and again when its connection was lost.
trait Database: Send {
    /// Connects, and creates what is missing.
    fn open(&mut self) -> BoxFuture<'_, Result<(), StorageError>>;

    /// Does all of the work, or nothing; one that was given up half-way (the future was dropped) counts as nothing.
    fn write<'a>(&'a mut self, work: &'a [Work<'a>]) -> BoxFuture<'a, Result<(), StorageError>>;

    /// Ends the connection in good order.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// An open storage: one connection, which is made again at the next write after it was lost.
pub struct Storage {
    database: Box<dyn Database>,
    tables: Vec<&'static Table>,
}

impl Storage {
    /// Connects and creates the tables that are missing. A table that is there must have the columns and the primary
    /// key it would be created with; further columns are left alone.
    pub async fn open(settings: &Settings, tables: &[&'static Table], network: Network) -> Result<Self, StorageError> {
        for (index, table) in tables.iter().enumerate() {
            table.check()?;
            if tables.iter().take(index).any(|known| known.name == table.name) {
                return Err(StorageError::Definition { table: table.name, why: "it is there twice".into() });
            }
        }
        let mut database: Box<dyn Database> = match settings {
            Settings::Sqlite { settings } => Box::new(Sqlite::new(settings, tables)?),
            Settings::Postgres { settings } => Box::new(Postgres::new(settings, tables, network)?),
        };
        database.open().await?;
        Ok(Self { database, tables: tables.to_vec() })
    }

    /// Does all the changes, as if one after the other, in one transaction: all or nothing. At most [`MAX_CHANGES`]
    /// changes and [`MAX_BYTES`] bytes.
    pub async fn write(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let work = plan(&self.tables, changes)?;
        if work.is_empty() { Ok(()) } else { self.database.write(&work).await }
    }

    /// Ends the connection. Everything written is there without it; SQLite also tidies its files up.
    pub async fn close(self) {
        self.database.close().await;
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The connection knows its password.
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

/// Waits for it, but not for ever.
async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(StorageError::Slow(limit.as_secs())))
}
