//! Storage: where a task spec asks its rows to go, `{"type": "sqlite" | "postgres", "settings": {…}}`.
//!
//! In: [`Settings`], a member `storage` of a platform's settings; the [`Table`]s its code knows; [`Change`]s to them.
//! Out: tables in a database of the user's own, for others to query. Invariants: a write is one transaction, all of it
//! or nothing; to write the same again changes nothing; a table that is there and looks different is left alone; names
//! come from code and are quoted, values are always bound; no error says a secret; no call waits for ever.
//!
//! A further type is a file with its settings, a `Database` and its `Session`, a variant of [`Settings`] and an arm in
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

/// One type of storage, as the settings name it.
trait Database: Send + Sync {
    /// Connects, and creates the tables that are missing.
    fn connect<'a>(&'a self, tables: &'a [&'static Table]) -> BoxFuture<'a, Result<Box<dyn Session>, StorageError>>;
}

/// A connection to it. Dropped in the middle of a write, it leaves nothing of that write.
trait Session: Send + Sync {
    /// Whether the other side is still there.
    fn ping(&mut self) -> BoxFuture<'_, Result<(), StorageError>>;

    /// Does all of the work in one transaction.
    fn write<'a>(&'a mut self, work: &'a [Work<'a>]) -> BoxFuture<'a, Result<(), StorageError>>;

    /// Ends it in good order.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>>;
}

/// An open storage: one connection, which is made again at the next write after it was lost.
pub struct Storage {
    database: Box<dyn Database>,
    session: Option<Box<dyn Session>>,
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
        let database: Box<dyn Database> = match settings {
            Settings::Sqlite { settings } => Box::new(Sqlite::new(settings)?),
            Settings::Postgres { settings } => Box::new(Postgres::new(settings, network)?),
        };
        let session = within(CONNECT, database.connect(tables)).await?;
        Ok(Self { database, session: Some(session), tables: tables.to_vec() })
    }

    /// Does all the changes, as if one after the other, in one transaction: all or nothing. At most [`MAX_CHANGES`]
    /// changes and [`MAX_BYTES`] bytes. After an error, or if the future is dropped, the storage is still of use: the
    /// next write connects again if it must.
    pub async fn write(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let work = plan(&self.tables, changes)?;
        if work.is_empty() {
            return Ok(());
        }
        // Taken out, so that one that fails or is given up half-way is dropped, and what it began undone.
        let mut session = self.session().await?;
        within(WRITE, session.write(&work)).await?;
        self.session = Some(session);
        Ok(())
    }

    /// The connection, or a new one if the server was restarted since the last write.
    async fn session(&mut self) -> Result<Box<dyn Session>, StorageError> {
        if let Some(mut session) = self.session.take()
            && within(CONNECT, session.ping()).await.is_ok()
        {
            return Ok(session);
        }
        within(CONNECT, self.database.connect(&self.tables)).await
    }

    /// Ends the connection. Everything written is there without it; SQLite also tidies its files up.
    pub async fn close(self) {
        if let Some(session) = self.session
            && let Err(error) = within(CONNECT, session.close()).await
        {
            tracing::warn!(%error, "a storage was not closed in good order");
        }
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
