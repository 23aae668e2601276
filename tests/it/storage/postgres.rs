//! A PostgreSQL that lets nobody in, speaks TLS, dies or makes one wait.

use collector::platform::Failure;
use serde_json::json;
use sqlx::{Executor as _, PgConnection};

use super::{Place, edge, no_edges, node, open};
use crate::support::{Postgres, Scratch, eventually, postgres::PASSWORD};

#[tokio::test]
async fn a_postgres_that_lets_nobody_in_is_the_fault_of_the_settings() {
    let place = Place::postgres().await;
    let Place::Postgres(server, _) = &place else { unreachable!() };
    place.say("CREATE ROLE guest LOGIN PASSWORD 'hunter2'").await;
    place.say("CREATE SCHEMA \"Odd \"\" name\"").await;
    let table = [
        (
            server.url_of("owner", "hunter3", "postgres"),
            None,
            "/storage/settings/url",
            "password authentication failed",
        ),
        (server.url_of("nobody", PASSWORD, "postgres"), None, "/storage/settings/url", "authentication failed"),
        (server.url_of("owner", PASSWORD, "none"), None, "/storage/settings/url", "database \"none\" does not exist"),
        (server.url(), Some("none"), "/storage/settings/schema", "schema \"none\" does not exist"),
        (server.url_of("guest", PASSWORD, "postgres"), None, "/storage/settings/url", "permission denied"),
    ];
    for (url, schema, place, part) in table {
        let said = open(json!({ "type": "postgres", "settings": { "url": url, "schema": schema } })).await.unwrap_err();
        assert!(!format!("{said:?} {said}").contains("hunter"), "{said:?}");
        let Failure::Settings { pointer, detail } = Failure::from(said) else { panic!("{url}") };
        assert!(pointer == place && detail.contains(part), "{pointer}: {detail}");
    }
    let named = json!({ "type": "postgres", "settings": { "url": server.url(), "schema": "Odd \" name" } });
    open(named).await.unwrap().write(&[node("a", 1)]).await.unwrap();
    assert_eq!(place.ask("SELECT id FROM \"Odd \"\" name\".nodes").await, ["a"]);
    // Who may write there needs no right to create.
    place.say("GRANT USAGE ON SCHEMA \"Odd \"\" name\" TO guest").await;
    place.say("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"Odd \"\" name\" TO guest").await;
    let url = server.url_of("guest", PASSWORD, "postgres");
    let named = json!({ "type": "postgres", "settings": { "url": url, "schema": "Odd \" name" } });
    open(named).await.unwrap().write(&[node("a", 2), no_edges("a")]).await.unwrap();
    assert_eq!(place.ask("SELECT CAST(seq AS text) FROM \"Odd \"\" name\".nodes").await, ["2"]);
}

#[tokio::test]
async fn nobody_at_the_door_may_pass() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for url in [format!("postgres://me:hunter2@localhost:{port}/db"), "postgres://me:hunter2@%2Fno%2Fsuch/db".into()] {
        let said = open(json!({ "type": "postgres", "settings": { "url": url } })).await.unwrap_err();
        assert!(!format!("{said:?} {said}").contains("hunter2"), "{said:?}");
        assert!(matches!(Failure::from(said), Failure::Transient { code: "storage_unavailable", .. }));
    }
}

#[tokio::test]
async fn postgres_is_reached_over_tls_and_checked_if_so_wished() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let scratch = Scratch::new();
    let server = Postgres::start_with_tls(&scratch, port).await;
    let url = |host: &str, mode: &str| format!("postgres://owner:{PASSWORD}@{host}:{port}/postgres?sslmode={mode}");
    for mode in ["prefer", "require"] {
        let settings = json!({ "type": "postgres", "settings": { "url": url("localhost", mode) } });
        let mut storage = open(settings).await.unwrap();
        storage.write(&[node("a", 1)]).await.unwrap();
        eventually("one connection speaks TLS", async || {
            let all = "SELECT count(*) FROM pg_stat_ssl WHERE ssl";
            let all: i64 = sqlx::query_scalar(all).fetch_one(&mut server.connect().await).await.unwrap();
            (all == 1).then_some(())
        })
        .await;
        storage.close().await;
    }
    for (host, mode) in [("localhost", "verify-ca"), ("localhost", "verify-full"), ("127.0.0.1", "verify-full")] {
        let settings = json!({ "type": "postgres", "settings": { "url": url(host, mode) } });
        let Failure::Settings { pointer, detail } = Failure::from(open(settings).await.unwrap_err()) else { panic!() };
        assert!(pointer == "/storage/settings/url" && detail.contains("certificate"), "{detail}");
    }
}

/// Whether somebody waits for a lock in this server.
async fn waits(connection: &mut PgConnection) -> Option<()> {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    (sqlx::query_scalar::<_, i64>(waiting).fetch_one(connection).await.unwrap() > 0).then_some(())
}

#[tokio::test]
async fn a_postgres_that_dies_in_the_middle_of_a_write_is_found_again() {
    let scratch = Scratch::new();
    let mut server = Postgres::start(&scratch).await;
    let mut storage = open(json!({ "type": "postgres", "settings": { "url": server.url() } })).await.unwrap();
    storage.write(&[node("a", 1), edge("a", "b")]).await.unwrap();

    // The nodes are written, and the edges wait for a lock, when it dies.
    let mut other = server.connect().await;
    other.execute("BEGIN; LOCK TABLE edges").await.unwrap();
    let changes = [node("a", 2), node("b", 1), no_edges("a"), edge("a", "c")];
    let write = storage.write(&changes);
    let death = async {
        let mut eyes = server.connect().await;
        eventually("the write waits", async || waits(&mut eyes).await).await;
        server.crash();
    };
    let (said, ()) = tokio::join!(write, death);
    let failure = Failure::from(said.unwrap_err());
    assert!(matches!(failure, Failure::Transient { code: "storage_unavailable", .. }), "{failure:?}");
    let still = Failure::from(storage.write(&changes).await.unwrap_err());
    assert!(matches!(still, Failure::Transient { code: "storage_unavailable", .. }), "{still:?}");
    assert!(!format!("{failure:?}{still:?}").contains(PASSWORD));

    server.start_again().await;
    let place = Place::Postgres(server, scratch);
    assert_eq!(place.ask("SELECT id || seq FROM nodes").await, ["a1"]);
    assert_eq!(place.ask("SELECT neighbour FROM edges").await, ["b"]);
    storage.write(&changes).await.unwrap();
    assert_eq!(place.ask("SELECT id || seq FROM nodes ORDER BY id").await, ["a2", "b1"]);
    assert_eq!(place.ask("SELECT neighbour FROM edges").await, ["c"]);

    // A restart between two writes is not even noticed.
    let Place::Postgres(mut server, scratch) = place else { unreachable!() };
    server.crash();
    server.start_again().await;
    storage.write(&[edge("a", "d")]).await.unwrap();
    drop((server, scratch));
}

#[tokio::test]
async fn a_write_that_is_given_up_leaves_nothing() {
    let place = Place::postgres().await;
    let Place::Postgres(server, _) = &place else { unreachable!() };
    let mut storage = place.open().await;
    let (mut other, mut eyes) = (server.connect().await, server.connect().await);
    other.execute("BEGIN; LOCK TABLE edges").await.unwrap();
    let changes = [node("a", 1), edge("a", "b")];
    tokio::select! {
        done = storage.write(&changes) => panic!("{done:?}"),
        () = eventually("the write waits", async || waits(&mut eyes).await) => {}
    }
    other.execute("ROLLBACK").await.unwrap();
    storage.write(&[node("b", 1)]).await.unwrap();
    assert_eq!(place.ask("SELECT id FROM nodes").await, ["b"]);
    assert!(place.ask("SELECT node FROM edges").await.is_empty());
}
