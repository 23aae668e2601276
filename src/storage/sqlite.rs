//! Rows in an SQLite file. It is in WAL mode, so others read while we write, and `synchronous` is `NORMAL`: what was
//! written survives the death of any process; a loss of power may take the last writes, never a part of one, and leaves
//! the file sound.

use std::{path::Path, time::Duration};

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection, Sqlite as Driver, SqliteConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    Cell, Database, Kind, Session, StorageError, Table,
    plan::Work,
    table::{Found, compare, list, on_conflict, quoted},
};

const POINTER: &str = "/storage/settings/path";

/// How long a write waits for another process's.
const BUSY: Duration = Duration::from_secs(10);

/// Between two looks at a file that is being made.
const PAUSE: Duration = Duration::from_millis(20);

/// Rows in one statement. More are not faster, and 100 columns times this stay below the 32,766 values of SQLite.
const ROWS: usize = 100;

/// The settings of the storage `sqlite`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqliteSettings {
    /// The file, as an absolute path on the machine that runs the job. It is made if it is missing; its directory must
    /// be there.
    #[schemars(length(min = 1, max = 4096))]
    path: String,
}

pub(super) struct Sqlite {
    options: SqliteConnectOptions,
}

impl Sqlite {
    pub(super) fn new(settings: &SqliteSettings) -> Result<Self, StorageError> {
        let path = Path::new(&settings.path);
        if !path.is_absolute() || settings.path.contains('\0') {
            let detail = "must be an absolute path, like /var/lib/nodes.db: it is not said where the job runs";
            return Err(StorageError::settings(POINTER, detail));
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        Ok(Self { options })
    }

    async fn open(&self, tables: &[&'static Table]) -> Result<SqliteConnection, StorageError> {
        let mut connection = loop {
            match self.options.connect().await {
                // SQLite lets nobody wait while a new file becomes a WAL file: of several at once all but one fail.
                Err(error) if code(&error) == Some(5) => tokio::time::sleep(PAUSE).await,
                connected => break connected.map_err(failed)?,
            }
        };
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        for table in tables {
            sqlx::query(AssertSqlSafe(create(table))).execute(&mut *transaction).await.map_err(failed)?;
            let found: Vec<(String, String, i64, bool)> =
                sqlx::query_as(COLUMNS).bind(table.name).fetch_all(&mut *transaction).await.map_err(failed)?;
            compare(table, &found.into_iter().map(Found::from).collect::<Vec<_>>(), word)?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(connection)
    }
}

impl Database for Sqlite {
    fn connect<'a>(&'a self, tables: &'a [&'static Table]) -> BoxFuture<'a, Result<Box<dyn Session>, StorageError>> {
        Box::pin(async move { Ok(Box::new(self.open(tables).await?) as Box<dyn Session>) })
    }
}

impl Session for SqliteConnection {
    fn ping(&mut self) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async { Connection::ping(self).await.map_err(failed) })
    }

    fn write<'a>(&'a mut self, work: &'a [Work<'a>]) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(apply(self, work))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>> {
        Box::pin(async { Connection::close(*self).await.map_err(failed) })
    }
}

async fn apply(connection: &mut SqliteConnection, work: &[Work<'_>]) -> Result<(), StorageError> {
    // A transaction that becomes a writer later could not wait for another writer.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for Work { table, removes, puts } in work {
        for cells in removes {
            let query = bound(delete(table, cells.len()), cells.iter());
            query.execute(&mut *transaction).await.map_err(failed)?;
        }
        for rows in puts.chunks(ROWS) {
            let query = bound(insert(table, rows.len()), rows.iter().copied().flatten());
            // The full ones are alike: they are prepared once.
            query.persistent(rows.len() == ROWS).execute(&mut *transaction).await.map_err(failed)?;
        }
    }
    transaction.commit().await.map_err(failed)
}

fn bound<'a>(sql: String, cells: impl Iterator<Item = &'a Cell>) -> Query<'static, Driver, SqliteArguments> {
    cells.fold(sqlx::query(AssertSqlSafe(sql)), bind)
}

fn bind<'q>(query: Query<'q, Driver, SqliteArguments>, cell: &Cell) -> Query<'q, Driver, SqliteArguments> {
    match cell {
        Cell::Null => query.bind(None::<&str>),
        Cell::Integer(number) => query.bind(*number),
        Cell::Real(number) => query.bind(*number),
        Cell::Boolean(truth) => query.bind(*truth),
        Cell::Text(_) | Cell::Time(_) | Cell::Json(_) => query.bind(cell.text()),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Time | Kind::Json => "TEXT",
        Kind::Integer => "INTEGER",
        Kind::Real => "REAL",
        Kind::Boolean => "BOOLEAN",
    }
}

fn create(table: &Table) -> String {
    let columns: Vec<_> =
        table.columns.iter().map(|column| format!("{} {}", quoted(column.name), word(column.kind))).collect();
    // Without a row id the rows lie in their key's own tree: one tree to write, not two.
    format!(
        "CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({})) WITHOUT ROWID",
        quoted(table.name),
        columns.join(", "),
        list(table.key.iter().copied())
    )
}

/// What [`Found`] wants to know of a table.
const COLUMNS: &str = "SELECT name, type AS kind, pk AS key, \
     \"notnull\" AND dflt_value IS NULL AND pk = 0 AS needed FROM pragma_table_info(?)";

fn insert(table: &Table, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns.len()].join(","));
    format!(
        "INSERT INTO {} ({}) VALUES {} {}",
        quoted(table.name),
        list(table.columns.iter().map(|column| column.name)),
        vec![row.as_str(); rows].join(","),
        on_conflict(table)
    )
}

fn delete(table: &Table, cells: usize) -> String {
    let equal: Vec<_> = table.key.iter().take(cells).map(|name| format!("{} = ?", quoted(name))).collect();
    format!("DELETE FROM {} WHERE {}", quoted(table.name), equal.join(" AND "))
}

fn failed(error: sqlx::Error) -> StorageError {
    match (&error, code(&error)) {
        // Busy, locked, out of memory, interrupted, an input or output error, a full disk, a changed schema.
        (_, Some(5 | 6 | 7 | 9 | 10 | 13 | 17)) | (sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed, None) => {
            StorageError::Unavailable(error)
        }
        // No permission, read-only, cannot be opened, denied, not a database.
        (sqlx::Error::Database(said), Some(3 | 8 | 14 | 23 | 26)) => {
            StorageError::settings(POINTER, said.message().to_owned())
        }
        _ => StorageError::Refused(error),
    }
}

/// The low byte of SQLite's code, which all variants of an error share: <https://www.sqlite.org/rescode.html>
fn code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
