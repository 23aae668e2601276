//! Rows in a PostgreSQL database. A statement gets its rows as one array a column, so it is the same text for any number
//! of them and needs few binds.

mod fault;
mod place;

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Postgres as Driver,
    postgres::{PgArguments, PgConnectOptions},
    query::Query,
};

use self::fault::failed;
use super::{
    Cell, Column, Database, Kind, Session, StorageError, Table,
    plan::Work,
    table::{Found, compare, is_name, list, on_conflict, quoted},
};
use crate::platform::{Network, Secret};

/// Rows in one statement: enough to make its cost small, few enough to bound its message.
const ROWS: usize = 5_000;

/// The server gives up before we do, so that nothing of ours goes on there; and it does not tell us of tables that are
/// there already.
const SESSION: &str = "SET statement_timeout = '50s'; SET lock_timeout = '30s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = 'warning'";

/// A number of our own for the lock under which tables are created: two that create the same at once would fail.
const CREATING: i64 = 0x0065_746c_6173;

/// The settings of the storage `postgres`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`; for a unix socket `postgres://user:password@/database` with the
    /// socket's directory as `?host=/run/postgresql`. `sslmode` is the other parameter it may have. A host other than
    /// this machine needs `network.allow_public` in the collector's configuration.
    url: Secret,
    /// The schema of the tables, which must be there. Without one they go where the user's search path leads.
    #[serde(default)]
    #[schemars(length(min = 1, max = 63))]
    schema: Option<String>,
}

pub(super) struct Postgres {
    options: PgConnectOptions,
    network: Network,
    schema: Option<String>,
}

/// A connection, and in which schema its tables lie.
struct Open {
    connection: PgConnection,
    schema: Option<String>,
}

impl Postgres {
    pub(super) fn new(settings: &PostgresSettings, network: Network) -> Result<Self, StorageError> {
        if settings.schema.as_deref().is_some_and(|schema| !is_name(schema)) {
            return Err(StorageError::settings(fault::SCHEMA, "must be a name of 1 to 63 bytes"));
        }
        let options = place::read(settings.url.expose())?;
        Ok(Self { options, network, schema: settings.schema.clone() })
    }

    async fn open(&self, tables: &[&'static Table]) -> Result<PgConnection, StorageError> {
        let options = place::reach(self.options.clone(), self.network).await?;
        let mut connection = options.connect().await.map_err(failed)?;
        sqlx::raw_sql(SESSION).execute(&mut connection).await.map_err(failed)?;
        let mut transaction = connection.begin().await.map_err(failed)?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(CREATING)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        for table in tables {
            let name = named(self.schema.as_deref(), table);
            // Looked for first: to use a table one need not be allowed to create any.
            let mut found = columns(&name, &mut transaction).await?;
            if found.is_empty() {
                sqlx::query(AssertSqlSafe(create(&name, table))).execute(&mut *transaction).await.map_err(failed)?;
                found = columns(&name, &mut transaction).await?;
            }
            compare(table, &found, word)?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(connection)
    }
}

impl Open {
    async fn apply(&mut self, work: &[Work<'_>]) -> Result<(), StorageError> {
        let mut transaction = self.connection.begin().await.map_err(failed)?;
        for Work { table, removes, puts } in work {
            let name = named(self.schema.as_deref(), table);
            let key: Vec<&Column> = table.key_columns().map(|(_, column)| column).collect();
            for cells in 1..=key.len() {
                let prefixes: Vec<&[Cell]> = removes.iter().copied().filter(|prefix| prefix.len() == cells).collect();
                let columns: Vec<&Column> = key.iter().copied().take(cells).collect();
                run(&delete(&name, &columns), &columns, &prefixes, &mut transaction).await?;
            }
            let columns: Vec<&Column> = table.columns.iter().collect();
            run(&insert(&name, table), &columns, puts, &mut transaction).await?;
        }
        transaction.commit().await.map_err(failed)
    }
}

impl Database for Postgres {
    fn connect<'a>(&'a self, tables: &'a [&'static Table]) -> BoxFuture<'a, Result<Box<dyn Session>, StorageError>> {
        Box::pin(async move {
            let connection = self.open(tables).await?;
            Ok(Box::new(Open { connection, schema: self.schema.clone() }) as Box<dyn Session>)
        })
    }
}

impl Session for Open {
    fn ping(&mut self) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async { self.connection.ping().await.map_err(failed) })
    }

    fn write<'a>(&'a mut self, work: &'a [Work<'a>]) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(self.apply(work))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), StorageError>> {
        Box::pin(async { self.connection.close().await.map_err(failed) })
    }
}

/// The table as it stands in a statement.
fn named(schema: Option<&str>, table: &Table) -> String {
    schema.map(|schema| quoted(schema) + ".").into_iter().chain([quoted(table.name)]).collect()
}

async fn columns(name: &str, connection: &mut PgConnection) -> Result<Vec<Found>, StorageError> {
    let found: Vec<(String, String, i64, bool)> =
        sqlx::query_as(COLUMNS).bind(name).fetch_all(connection).await.map_err(failed)?;
    Ok(found.into_iter().map(Found::from).collect())
}

/// Runs a statement for all rows, some thousand at a time.
async fn run(
    sql: &str,
    columns: &[&Column],
    rows: &[&[Cell]],
    connection: &mut PgConnection,
) -> Result<(), StorageError> {
    for rows in rows.chunks(ROWS) {
        let query = sqlx::query(AssertSqlSafe(sql));
        let query = columns.iter().enumerate().fold(query, |query, (index, column)| {
            bind(query, column.kind, rows.iter().filter_map(|row| row.get(index)))
        });
        query.execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}

/// One column of all rows.
fn bind<'q, 'a>(
    query: Query<'q, Driver, PgArguments>,
    kind: Kind,
    cells: impl Iterator<Item = &'a Cell>,
) -> Query<'q, Driver, PgArguments> {
    match kind {
        Kind::Integer => query.bind(column(cells, |cell| if let Cell::Integer(it) = cell { Some(*it) } else { None })),
        Kind::Real => query.bind(column(cells, |cell| if let Cell::Real(it) = cell { Some(*it) } else { None })),
        Kind::Boolean => query.bind(column(cells, |cell| if let Cell::Boolean(it) = cell { Some(*it) } else { None })),
        Kind::Text | Kind::Time | Kind::Json => query.bind(column(cells, Cell::text)),
    }
}

fn column<'a, T>(cells: impl Iterator<Item = &'a Cell>, value: impl Fn(&'a Cell) -> Option<T>) -> Vec<Option<T>> {
    cells.map(value).collect()
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Integer => "bigint",
        Kind::Real => "double precision",
        Kind::Boolean => "boolean",
        Kind::Time => "timestamp with time zone",
        Kind::Json => "jsonb",
    }
}

/// `unnest` of one array a column, as `u`; and the columns of it, turned into what they are in the table.
fn unnest(columns: &[&Column]) -> (String, Vec<String>) {
    let arrays: Vec<_> = (1..)
        .zip(columns)
        .map(|(number, column)| match column.kind {
            Kind::Time | Kind::Json => format!("${number}::text[]"),
            kind => format!("${number}::{}[]", word(kind)),
        })
        .collect();
    let names = list(columns.iter().map(|column| column.name));
    let values = columns.iter().map(|column| match column.kind {
        Kind::Time | Kind::Json => format!("u.{}::{}", quoted(column.name), word(column.kind)),
        _ => format!("u.{}", quoted(column.name)),
    });
    (format!("unnest({}) AS u ({names})", arrays.join(", ")), values.collect())
}

fn create(name: &str, table: &Table) -> String {
    let columns: Vec<_> =
        table.columns.iter().map(|column| format!("{} {}", quoted(column.name), word(column.kind))).collect();
    let key = list(table.key.iter().copied());
    format!("CREATE TABLE IF NOT EXISTS {name} ({}, PRIMARY KEY ({key}))", columns.join(", "))
}

fn insert(name: &str, table: &Table) -> String {
    let columns: Vec<&Column> = table.columns.iter().collect();
    let names = list(columns.iter().map(|column| column.name));
    let (rows, values) = unnest(&columns);
    format!("INSERT INTO {name} ({names}) SELECT {} FROM {rows} {}", values.join(", "), on_conflict(table))
}

fn delete(name: &str, columns: &[&Column]) -> String {
    let (rows, values) = unnest(columns);
    let equal = columns.iter().zip(values).map(|(column, value)| format!("t.{} = {value}", quoted(column.name)));
    format!("DELETE FROM {name} AS t USING {rows} WHERE {}", equal.collect::<Vec<_>>().join(" AND "))
}

/// What [`Found`] wants to know of a table; nothing if there is none. `indkey` counts from 0.
const COLUMNS: &str = "SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS kind, \
     coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint AS key, \
     a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS needed \
     FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped";
