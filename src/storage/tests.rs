//! The plan, which needs no database, and the settings as a platform has them.

use serde_json::{Value, json};

use super::{
    plan::{MAX_CHANGES, plan},
    *,
};
use crate::{
    job::{JobId, Shard},
    platform::{Context, Failure, Moment, Platform, Registry, Result as Outcome, Spec},
    secret::{MASK, Sealer, mask},
};

static EDGES: Table = Table {
    name: "edges",
    columns: &[
        Column { name: "weight", kind: Kind::Real },
        Column { name: "a", kind: Kind::Text },
        Column { name: "b", kind: Kind::Integer },
    ],
    key: &["a", "b"],
};
static TIMES: Table = Table { name: "times", columns: &[Column { name: "at", kind: Kind::Time }], key: &["at"] };
static TABLES: [&Table; 2] = [&EDGES, &TIMES];

fn put(a: &str, b: i64, weight: f64) -> Change {
    Change::Put { table: &EDGES, row: vec![weight.into(), a.into(), b.into()] }
}

fn remove(prefix: Vec<Cell>) -> Change {
    Change::Remove { table: &EDGES, prefix }
}

/// What is left to do: the removals, and the rows as `a b weight`.
fn planned(changes: &[Change]) -> (Vec<Vec<Cell>>, Vec<String>) {
    let work = plan(&TABLES, changes).unwrap();
    let rows = work[0].puts.iter().map(|row| format!("{:?} {:?} {:?}", row[1], row[2], row[0]));
    (work[0].removes.iter().map(|prefix| prefix.to_vec()).collect(), rows.collect())
}

#[test]
fn the_last_word_on_a_key_holds() {
    let (a, row) = (vec![Cell::from("a")], |change: &Change| planned(std::slice::from_ref(change)).1.remove(0));
    let table = [
        (vec![put("a", 1, 0.1), put("a", 1, 0.2)], vec![], vec![put("a", 1, 0.2)]),
        (
            vec![put("b", 1, 0.1), put("a", 2, 0.2), put("a", -1, 0.3)],
            vec![],
            vec![put("a", -1, 0.3), put("a", 2, 0.2), put("b", 1, 0.1)],
        ),
        (vec![put("a", 1, 0.1), put("b", 1, 0.1), remove(a.clone())], vec![a.clone()], vec![put("b", 1, 0.1)]),
        (vec![put("a", 1, 0.1), remove(a.clone()), put("a", 2, 0.2)], vec![a.clone()], vec![put("a", 2, 0.2)]),
        (vec![put("ab", 1, 0.1), remove(a.clone()), remove(a.clone())], vec![a.clone()], vec![put("ab", 1, 0.1)]),
        (
            vec![put("a", 1, 0.1), put("a", 2, 0.1), remove(vec!["a".into(), 2_i64.into()])],
            vec![vec!["a".into(), 2_i64.into()]],
            vec![put("a", 1, 0.1)],
        ),
    ];
    for (changes, removes, puts) in table {
        let (found, rows) = planned(&changes);
        assert_eq!(found, removes, "{changes:?}");
        assert_eq!(rows, puts.iter().map(row).collect::<Vec<_>>(), "{changes:?}");
    }
}

#[test]
fn times_of_one_millisecond_are_one_key() {
    let at = |time: &str| Change::Put { table: &TIMES, row: vec![Cell::Time(time.parse().unwrap())] };
    let changes = [at("2026-11-20T12:00:00.0011Z"), at("2026-11-20T12:00:00.0019Z"), at("2026-11-20T12:00:00.002Z")];
    assert_eq!(plan(&TABLES, &changes).unwrap()[0].puts.len(), 2);
}

#[test]
fn what_cannot_be_written_is_named() {
    static OTHER: Table = Table { name: "other", ..TIMES };
    let many = vec![put("a", 1, 0.1); MAX_CHANGES + 1];
    let table = [
        (vec![Change::Put { table: &EDGES, row: vec![] }], "the table edges has 3 columns"),
        (vec![Change::Put { table: &OTHER, row: vec![] }], "the table other is not one that was opened"),
        (vec![put("a\0", 1, 0.1)], "the table edges: a has a NUL"),
        (vec![put("a", 1, f64::NAN)], "the table edges: weight is not a finite"),
        (vec![remove(vec![])], "1 to 2 cells of its key, not 0"),
        (vec![remove(vec!["a".into(), 1_i64.into(), Cell::Null])], "not 3"),
        (vec![remove(vec![1_i64.into()])], "the table edges: a takes Text"),
        (many, "100000 changes"),
    ];
    for (changes, part) in table {
        let said = plan(&TABLES, &changes).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_write_has_a_size() {
    static NOTES: Table = Table {
        name: "notes",
        columns: &[Column { name: "id", kind: Kind::Integer }, Column { name: "note", kind: Kind::Text }],
        key: &["id"],
    };
    let note = |id: usize| Change::Put {
        table: &NOTES,
        row: vec![Cell::Integer(i64::try_from(id).unwrap()), Cell::Text("x".repeat(MAX_TEXT))],
    };
    let changes: Vec<_> = (0..=MAX_BYTES / MAX_TEXT).map(note).collect();
    let said = plan(&[&NOTES], &changes).unwrap_err();
    assert!(matches!(said, StorageError::TooMuch { what: "bytes", .. }), "{said}");
    assert!(plan(&[&NOTES], &changes[..32]).is_ok());
}

#[derive(serde::Deserialize, JsonSchema)]
struct WithStorage {
    /// Where the rows go.
    #[serde(default)]
    storage: Option<Settings>,
}

async fn run(_: Context, settings: WithStorage) -> Outcome<()> {
    if let Some(storage) = &settings.storage {
        Storage::open(storage, &TABLES, Network::default()).await?;
    }
    Ok(())
}

fn platform() -> Platform {
    Platform::new("stores", "Stores.", Spec::DEFAULT, run).unwrap()
}

fn now() -> Moment {
    Moment { now: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC) }
}

fn sealer() -> Sealer {
    let key = std::env::temp_dir().join(format!("etlas-storage-{}", uuid::Uuid::now_v7()));
    let sealer = Sealer::load(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    sealer
}

#[test]
fn the_url_is_sealed_masked_and_opened() {
    let url = "postgres://me:hunter2@localhost/db";
    let posted = json!({ "storage": { "type": "postgres", "settings": { "url": url, "schema": "s" } } });
    let (platform, sealer, job) = (platform(), sealer(), JobId::new(Shard(0)));
    let stored = platform.accept(&posted, &now(), &sealer, job).unwrap();
    assert!(!stored.to_string().contains("hunter2") && stored.to_string().contains("$sealed"), "{stored}");
    let mut shown = stored.clone();
    mask(&mut shown);
    assert_eq!(shown.pointer("/storage/settings"), Some(&json!({ "url": MASK, "schema": "s" })));
    let opened = platform.open_text(&stored.to_string(), &sealer, job).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&opened.json).unwrap(), posted);
    assert_eq!(opened.secrets, [url]);
    let settings: WithStorage = serde_json::from_value(posted).unwrap();
    assert!(!format!("{:?}", settings.storage).contains("hunter2"));
    // Every setting has its doc comment, or the registry would not take a platform with it.
    Registry::of(vec![platform]).unwrap();
}

#[test]
fn wrong_settings_are_refused_at_their_place() {
    let table = [
        (json!({ "type": "tape", "settings": {} }), "/storage", "one of"),
        (json!({ "type": "sqlite" }), "/storage/settings", "is required"),
        (json!({ "type": "sqlite", "settings": {} }), "/storage/settings/path", "is required"),
        (json!({ "type": "sqlite", "settings": { "path": "" } }), "/storage/settings/path", "must not be empty"),
        (json!({ "type": "sqlite", "settings": { "path": "/a" }, "x": 1 }), "/storage/x", "is not a setting"),
        (
            json!({ "type": "postgres", "settings": { "path": "/a", "url": "u" } }),
            "/storage/settings/path",
            "there are url",
        ),
        (json!({ "type": "postgres", "settings": { "url": MASK } }), "/storage/settings/url", "holds the mask"),
    ];
    for (storage, pointer, part) in table {
        let posted = json!({ "storage": storage });
        let errors = platform().accept(&posted, &now(), &sealer(), JobId::new(Shard(0))).unwrap_err();
        let found = errors.iter().any(|error| error.pointer == pointer && error.detail.contains(part));
        assert!(found && errors.len() == 1, "{posted}: {errors:?}");
    }
}

#[tokio::test]
async fn a_job_fails_with_the_place_of_its_fault() {
    let table = [
        (json!({ "type": "sqlite", "settings": { "path": "nodes.db" } }), "/storage/settings/path", "absolute"),
        (json!({ "type": "sqlite", "settings": { "path": "/" } }), "/storage/settings/path", "unable to open"),
        (
            json!({ "type": "sqlite", "settings": { "path": "/no/such/x.db" } }),
            "/storage/settings/path",
            "unable to open",
        ),
        (
            json!({ "type": "postgres", "settings": { "url": "postgres://me:hunter2@8.8.8.8/db" } }),
            "/storage/settings/url",
            "8.8.8.8 is not on this machine",
        ),
        (json!({ "type": "postgres", "settings": { "url": "hunter2" } }), "/storage/settings/url", "must be a URL"),
    ];
    for (storage, place, part) in table {
        let (reports, _said) = tokio::sync::mpsc::channel(8);
        let http = crate::outbound::Client::new(&crate::config::defaults().unwrap().network);
        let alone = crate::platform::Run::unrecorded(JobId::new(Shard(0)), Network::default(), http, None);
        let job = Context::new(alone, tokio_util::sync::CancellationToken::new(), reports);
        let failure = platform().run(job, json!({ "storage": storage }).to_string()).await.unwrap_err();
        let Failure::Settings { pointer, detail } = &failure else { panic!("{failure:?}") };
        assert!(pointer == place && detail.contains(part) && !detail.contains("hunter2"), "{failure:?}");
    }
}
