//! What a platform stores is there for others to query: all of a write or nothing, in SQLite and in PostgreSQL.

mod postgres;

use collector::{
    platform::{Failure, Network},
    storage::{Cell, Change, Column, Kind, Settings, Storage, StorageError, Table},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::{Postgres, Scratch};

static NODES: Table = Table {
    name: "nodes",
    columns: &[
        Column { name: "id", kind: Kind::Text },
        Column { name: "record", kind: Kind::Text },
        Column { name: "seq", kind: Kind::Integer },
        Column { name: "freshness", kind: Kind::Integer },
        Column { name: "share", kind: Kind::Real },
        Column { name: "live", kind: Kind::Boolean },
        Column { name: "first_seen", kind: Kind::Time },
        Column { name: "last_seen", kind: Kind::Time },
        Column { name: "entries", kind: Kind::Json },
        Column { name: "select", kind: Kind::Text },
    ],
    key: &["id"],
};
static EDGES: Table = Table {
    name: "edges",
    columns: &[Column { name: "node", kind: Kind::Text }, Column { name: "neighbour", kind: Kind::Text }],
    key: &["node", "neighbour"],
};
static HISTORY: Table = Table {
    name: "history",
    columns: &[Column { name: "at", kind: Kind::Time }, Column { name: "live", kind: Kind::Boolean }],
    key: &["at", "live"],
};
static TABLES: [&Table; 3] = [&NODES, &EDGES, &HISTORY];

fn node(id: &str, seq: i64) -> Change {
    let seen: Timestamp = "2026-11-20T12:30:00.123456Z".parse().unwrap();
    let entries = json!({ "client": ["a", "1"], "ip": "127.0.0.1", "quote": "\"'\\" });
    let row = vec![
        id.into(),
        format!("enr:-{}", "x".repeat(200)).into(),
        seq.into(),
        3_u32.into(),
        0.5.into(),
        (seq % 2 == 0).into(),
        seen.into(),
        Cell::Null,
        entries.into(),
        "a word of SQL".into(),
    ];
    Change::Put { table: &NODES, row }
}

fn edge(node: &str, neighbour: &str) -> Change {
    Change::Put { table: &EDGES, row: vec![node.into(), neighbour.into()] }
}

fn no_edges(node: &str) -> Change {
    Change::Remove { table: &EDGES, prefix: vec![node.into()] }
}

async fn open(settings: Value) -> Result<Storage, StorageError> {
    Storage::open(&serde_json::from_value::<Settings>(settings).unwrap(), &TABLES, Network::default()).await
}

/// A place for rows, and another's eyes on it.
enum Place {
    Sqlite(Scratch),
    Postgres(Postgres, #[allow(dead_code, reason = "its directory")] Scratch),
}

impl Place {
    fn sqlite() -> Self {
        Self::Sqlite(Scratch::new())
    }

    async fn postgres() -> Self {
        let scratch = Scratch::new();
        Self::Postgres(Postgres::start(&scratch).await, scratch)
    }

    fn settings(&self) -> Value {
        match self {
            Self::Sqlite(scratch) => json!({ "type": "sqlite", "settings": { "path": scratch.path().join("n.db") } }),
            Self::Postgres(server, _) => json!({ "type": "postgres", "settings": { "url": server.url() } }),
        }
    }

    async fn open(&self) -> Storage {
        open(self.settings()).await.unwrap()
    }

    /// Texts of the first column of a query's rows.
    async fn ask(&self, sql: &'static str) -> Vec<String> {
        match self {
            Self::Sqlite(_) => {
                let mut file = self.file().await;
                let rows = sqlx::query_scalar(sql).fetch_all(&mut file).await.unwrap();
                // In good order, as the last one to close tidies up.
                file.close().await.unwrap();
                rows
            }
            Self::Postgres(server, _) => sqlx::query_scalar(sql).fetch_all(&mut server.connect().await).await.unwrap(),
        }
    }

    async fn say(&self, sql: &'static str) {
        match self {
            Self::Sqlite(_) => {
                let mut file = self.file().await;
                file.execute(sql).await.unwrap();
                file.close().await.unwrap();
            }
            Self::Postgres(server, _) => server.connect().await.execute(sql).await.map(drop).unwrap(),
        }
    }

    async fn file(&self) -> SqliteConnection {
        let path = self.settings().pointer("/settings/path").unwrap().as_str().unwrap().to_owned();
        SqliteConnection::connect(&format!("sqlite:{path}?mode=rwc")).await.unwrap()
    }
}

/// What both must do alike.
async fn rows_come_and_go(place: &Place) {
    let mut storage = place.open().await;
    storage.write(&[node("a", 1), node("b", 1), edge("a", "b"), edge("a", "c"), edge("ab", "a")]).await.unwrap();
    storage.write(&[node("a", 2), no_edges("a"), edge("a", "d")]).await.unwrap();
    storage.write(&[]).await.unwrap();
    // All the same again: nothing more comes of it.
    storage.write(&[node("a", 2), no_edges("a"), edge("a", "d")]).await.unwrap();
    assert_eq!(place.ask("SELECT id || ' ' || seq FROM nodes ORDER BY id").await, ["a 2", "b 1"]);
    assert_eq!(place.ask("SELECT node || ' ' || neighbour FROM edges ORDER BY 1").await, ["a d", "ab a"]);
    assert_eq!(place.ask("SELECT id FROM nodes WHERE live AND last_seen IS NULL AND share = 0.5").await, ["a"]);
    assert_eq!(place.ask("SELECT \"select\" FROM nodes WHERE id = 'a'").await, ["a word of SQL"]);
    assert_eq!(place.ask("SELECT entries ->> 'quote' FROM nodes WHERE id = 'a'").await, ["\"'\\"]);

    // Keys that are no text, and a removal by the first of two and by both.
    let times: Vec<Timestamp> = (0..3).map(|second| Timestamp::from_second(second).unwrap()).collect();
    let puts = times.iter().flat_map(|at| [true, false].map(|live| vec![Cell::from(*at), live.into()]));
    let puts: Vec<_> = puts.map(|row| Change::Put { table: &HISTORY, row }).collect();
    storage.write(&puts).await.unwrap();
    let removes = [vec![times[0].into()], vec![times[1].into(), true.into()]];
    storage.write(&removes.map(|prefix| Change::Remove { table: &HISTORY, prefix })).await.unwrap();
    assert_eq!(place.ask("SELECT '' FROM history").await.len(), 3);
    storage.close().await;
}

#[tokio::test]
async fn rows_come_and_go_in_sqlite() {
    let place = Place::sqlite();
    rows_come_and_go(&place).await;
    let seen = ["2026-11-20T12:30:00.123Z"];
    assert_eq!(place.ask("SELECT DISTINCT first_seen FROM nodes").await, seen);
    let Place::Sqlite(scratch) = &place else { unreachable!() };
    let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["n.db"], "closed in good order, it is one file");
}

#[tokio::test]
async fn rows_come_and_go_in_postgres() {
    let place = Place::postgres().await;
    rows_come_and_go(&place).await;
    let seen = "SELECT DISTINCT to_char(first_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') FROM nodes";
    assert_eq!(place.ask(seen).await, ["2026-11-20 12:30:00.123000"]);
}

/// A write of which the database refuses the last row changes nothing, and the next one works.
async fn all_or_nothing(place: &Place, forbid: &'static str, allow: &'static str) {
    let mut storage = place.open().await;
    storage.write(&[node("a", 1), edge("a", "b")]).await.unwrap();
    place.say(forbid).await;
    let many: Vec<_> = (0..500).map(|index| node(&format!("{index:03}"), 1)).collect();
    let changes = [many, vec![node("a", 2), no_edges("a"), edge("z", "forbidden")]].concat();
    let said = storage.write(&changes).await.unwrap_err();
    assert!(matches!(&said, StorageError::Refused(_)), "{said:?}");
    assert!(matches!(Failure::from(said), Failure::Fatal { code: "storage_refused", .. }));
    assert_eq!(place.ask("SELECT id || seq FROM nodes").await, ["a1"]);
    assert_eq!(place.ask("SELECT neighbour FROM edges").await, ["b"]);
    place.say(allow).await;
    storage.write(&changes).await.unwrap();
    assert_eq!(place.ask("SELECT id FROM nodes").await.len(), 501);
    assert_eq!(place.ask("SELECT neighbour FROM edges").await, ["forbidden"]);
}

#[tokio::test]
async fn all_or_nothing_in_sqlite() {
    let forbid = "CREATE TRIGGER no BEFORE INSERT ON edges WHEN new.neighbour = 'forbidden' \
                  BEGIN SELECT RAISE(ABORT, 'no'); END";
    all_or_nothing(&Place::sqlite(), forbid, "DROP TRIGGER no").await;
}

#[tokio::test]
async fn all_or_nothing_in_postgres() {
    let forbid = "ALTER TABLE edges ADD CONSTRAINT no CHECK (neighbour <> 'forbidden')";
    all_or_nothing(&Place::postgres().await, forbid, "ALTER TABLE edges DROP CONSTRAINT no").await;
}

/// Several writers with the same rows in other orders, among them thousands: all are there in the end.
async fn many_at_once(place: &Place) {
    let writers = (0..3).map(async |writer: i64| {
        let mut storage = place.open().await;
        let mut changes: Vec<_> = (0..10_000).map(|index| node(&format!("{:05}", index % 10_000), writer)).collect();
        if writer % 2 == 1 {
            changes.reverse();
        }
        storage.write(&changes).await.unwrap();
    });
    futures_util::future::join_all(writers).await;
    assert_eq!(place.ask("SELECT id FROM nodes").await.len(), 10_000);
    assert_eq!(place.ask("SELECT DISTINCT CAST(seq AS text) FROM nodes").await.len(), 1, "writes are not mixed");
}

#[tokio::test]
async fn many_at_once_in_sqlite() {
    many_at_once(&Place::sqlite()).await;
}

#[tokio::test]
async fn many_at_once_in_postgres() {
    many_at_once(&Place::postgres().await).await;
}

#[tokio::test]
async fn another_table_of_that_name_is_left_alone() {
    for (place, kind) in [(Place::sqlite(), "INTEGER"), (Place::postgres().await, "bigint")] {
        place.say("CREATE TABLE edges (node text, neighbour text, PRIMARY KEY (node, neighbour))").await;
        place.say("CREATE TABLE nodes (id text PRIMARY KEY, record text, seq text)").await;
        place.say("INSERT INTO nodes VALUES ('theirs', 'x', 'y')").await;
        let said = open(place.settings()).await.unwrap_err();
        let wanted = format!("table nodes in the storage is another one: its column seq is text, and should be {kind}");
        assert!(said.to_string().to_lowercase().contains(&wanted.to_lowercase()), "{said}");
        assert!(matches!(Failure::from(said), Failure::Fatal { code: "storage_schema", .. }));
        place.say("ALTER TABLE nodes DROP COLUMN seq").await;
        let said = open(place.settings()).await.unwrap_err().to_string();
        assert!(said.contains("its column seq is missing"), "{said}");
        assert_eq!(place.ask("SELECT id FROM nodes").await, ["theirs"]);
    }
}

#[tokio::test]
async fn an_sqlite_file_that_another_holds_is_waited_for() {
    let place = Place::sqlite();
    let mut storage = place.open().await;
    let mut other = place.file().await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let changes = [node("a", 1)];
    let mut write = Box::pin(storage.write(&changes));
    assert!(futures_util::poll!(&mut write).is_pending());
    // Others read all the while.
    assert!(place.ask("SELECT id FROM nodes").await.is_empty());
    other.execute("COMMIT").await.unwrap();
    write.await.unwrap();
    assert_eq!(place.ask("SELECT id FROM nodes").await, ["a"]);
}

#[tokio::test]
async fn what_is_no_database_is_the_fault_of_the_settings() {
    let scratch = Scratch::new();
    let path = scratch.write("text", &"no database at all\n".repeat(100));
    let said = open(json!({ "type": "sqlite", "settings": { "path": path } })).await.unwrap_err();
    let Failure::Settings { pointer, detail } = Failure::from(said) else { panic!() };
    assert_eq!((pointer.as_str(), detail.as_str()), ("/storage/settings/path", "file is not a database"));
    assert!(scratch.read("text").starts_with("no database"));
}
