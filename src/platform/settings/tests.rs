use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{
    job::{JobId, Shard},
    platform::{Context, Platform, Registry, Result, Spec},
    secret::{MASK, Sealer, mask},
};

fn at(now: &str, zone: &str) -> Moment {
    Moment { now: now.parse::<Timestamp>().unwrap().to_zoned(TimeZone::posix(zone).unwrap()) }
}

#[test]
fn dates_are_read_as_people_write_them() {
    const UTC: &str = "UTC0";
    const ZURICH: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
    const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";
    let noon = "2026-11-20T12:30:00Z";
    let table = [
        (noon, UTC, "2026-11-20", "2026-11-20T00:00:00+00:00"),
        (noon, ZURICH, "2026-11-20", "2026-11-20T00:00:00+01:00"),
        (noon, ZURICH, "2026-07-01", "2026-07-01T00:00:00+02:00"),
        (noon, UTC, "2026-11-20T08:00:00Z", "2026-11-20T08:00:00+00:00"),
        (noon, ZURICH, "2026-11-20T08:00:00Z", "2026-11-20T09:00:00+01:00"),
        (noon, ZURICH, "2026-11-20T08:00:00-05:00", "2026-11-20T14:00:00+01:00"),
        (noon, ZURICH, "2026-11-20T08:00", "2026-11-20T08:00:00+01:00"),
        (noon, UTC, "now", "2026-11-20T12:30:00+00:00"),
        (noon, UTC, " Today ", "2026-11-20T00:00:00+00:00"),
        (noon, UTC, "yesterday", "2026-11-19T00:00:00+00:00"),
        (noon, UTC, "TOMORROW", "2026-11-21T00:00:00+00:00"),
        // The day in New York is still the day before.
        ("2026-11-20T03:00:00Z", NEW_YORK, "today", "2026-11-19T00:00:00-05:00"),
        (noon, UTC, "4 days back", "2026-11-16T00:00:00+00:00"),
        (noon, UTC, "1 day ago", "2026-11-19T00:00:00+00:00"),
        (noon, UTC, "2 weeks ago", "2026-11-06T00:00:00+00:00"),
        (noon, UTC, "in 3 days", "2026-11-23T00:00:00+00:00"),
        (noon, UTC, "in 1 month", "2026-12-20T00:00:00+00:00"),
        ("2026-03-31T12:00:00Z", UTC, "1 month back", "2026-02-28T00:00:00+00:00"),
        (noon, UTC, "3 hours ago", "2026-11-20T09:30:00+00:00"),
        (noon, UTC, "in  45 minutes", "2026-11-20T13:15:00+00:00"),
        // Over the change of clocks: days are days, hours are hours.
        ("2026-03-29T10:00:00Z", ZURICH, "yesterday", "2026-03-28T00:00:00+01:00"),
        ("2026-03-29T10:00:00Z", ZURICH, "12 hours ago", "2026-03-28T23:00:00+01:00"),
        (noon, ZURICH, "2026-03-29T02:30", "2026-03-29T03:30:00+02:00"),
    ];
    for (now, zone, phrase, expected) in table {
        let date = Date::read(phrase, &at(now, zone)).unwrap();
        assert_eq!(date.to_string(), expected, "{phrase} in {zone}");
        let back: Date = serde_json::from_value(json!(date)).unwrap();
        assert_eq!(back, date);
    }
}

#[test]
fn other_dates_are_refused() {
    let at = at("2026-11-20T12:30:00Z", "UTC0");
    for phrase in ["", "soon", "4 days", "days back", "-4 days back", "4.5 days ago", "in 3 fortnights", "2026-02-30"]
        .into_iter()
        .chain(["2026-13-01", "20.11.2026", "99999999999 days ago", "4000000000 months back", "next week", "in days 3"])
    {
        let said = Date::read(phrase, &at);
        assert!(said.as_ref().is_err_and(|error| error.contains("is not a date")), "{phrase}: {said:?}");
    }
    assert!(serde_json::from_value::<Date>(json!("yesterday")).is_err(), "a phrase needs a moment");
    assert_eq!(serde_json::from_value::<Date>(json!("2026-11-20")).unwrap().date(), jiff::civil::date(2026, 11, 20));
}

/// One of everything.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema and its deserialisation are of interest")]
struct Everything {
    /// A URL.
    node: url::Url,
    /// A number.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10))]
    count: Option<u32>,
    /// A port.
    #[serde(default)]
    port: Option<u64>,
    /// A list.
    #[serde(default)]
    #[schemars(length(max = 2))]
    tags: Vec<String>,
    /// A date with a default.
    #[serde(default = "yesterday")]
    start: Date,
    /// Dates.
    #[serde(default)]
    days: Vec<Date>,
    /// A secret.
    #[serde(default)]
    token: Option<Secret>,
    /// Secrets by name.
    #[serde(default)]
    headers: HashMap<String, Secret>,
    /// A struct.
    #[serde(default)]
    login: Option<Login>,
    /// One of several.
    #[serde(default)]
    target: Option<Target>,
    /// A choice.
    #[serde(default)]
    mode: Option<Mode>,
    /// Refused by the struct alone.
    #[serde(default)]
    letter: Option<char>,
}

fn yesterday() -> Date {
    Date::phrase("yesterday")
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "as above")]
struct Login {
    /// Who.
    user: String,
    /// How.
    password: Secret,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "as above")]
enum Target {
    File {
        /// Where.
        path: String,
    },
    Db {
        /// How.
        password: Secret,
    },
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Fast,
    Slow,
}

async fn run(_: Context, _: Everything) -> Result<()> {
    Ok(())
}

fn everything() -> Platform {
    Platform::new("everything", "Takes everything.", Spec::DEFAULT, run).unwrap()
}

fn utc() -> Moment {
    at("2026-11-20T12:30:00Z", "UTC0")
}

#[test]
fn every_error_has_its_place_and_a_sentence() {
    let table = [
        (json!({}), "/node", "is required"),
        (json!({ "node": 1 }), "/node", "must be a string"),
        (json!({ "node": "no url" }), "/node", "must be a URL"),
        (json!({ "node": null }), "/node", "must be a string"),
        (json!({ "count": 0 }), "/count", "at least 1"),
        (json!({ "count": 11 }), "/count", "at most 10"),
        (json!({ "count": "2" }), "/count", "must be null or a whole number"),
        (json!({ "count": 1.5 }), "/count", "whole number"),
        (json!({ "port": -1 }), "/port", "at least 0"),
        (json!({ "tags": "a" }), "/tags", "must be an array"),
        (json!({ "tags": ["a", 2] }), "/tags/1", "must be a string"),
        (json!({ "tags": ["a", "b", "c"] }), "/tags", "at most 2 items"),
        (json!({ "nodes": 1 }), "/nodes", "is not a setting; there are "),
        (json!({ "a/b~c": 1 }), "/a~1b~0c", "is not a setting"),
        (json!({ "start": "soon" }), "/start", "is not a date"),
        (json!({ "start": 5 }), "/start", "must be a string"),
        (json!({ "start": "" }), "/start", "must not be empty"),
        (json!({ "days": ["today", "never"] }), "/days/1", "is not a date"),
        (json!({ "token": "" }), "/token", "must not be empty"),
        (json!({ "token": MASK }), "/token", "holds the mask"),
        (json!({ "token": { "$sealed": "v1.a.b" } }), "/token", "string"),
        (json!({ "headers": { "a": 7 } }), "/headers/a", "must be a string"),
        (json!({ "headers": { "a": MASK } }), "/headers/a", "holds the mask"),
        (json!({ "login": { "user": "u" } }), "/login/password", "is required"),
        (json!({ "login": { "user": "u", "password": "hunter2", "x": 1 } }), "/login/x", "there are user, password"),
        (json!({ "login": 3 }), "/login", "must be"),
        (json!({ "target": { "type": "db" } }), "/target/password", "is required"),
        (json!({ "target": { "type": "tape" } }), "/target", "one of"),
        (json!({ "mode": "hunter2" }), "/mode", "must be one of \"fast\", \"slow\""),
        (json!({ "letter": "hunter2" }), "/letter", ""),
        (json!([]), "", "must be an object"),
    ];
    for (mut settings, pointer, part) in table {
        if let Some(object) = settings.as_object_mut()
            && !object.is_empty()
        {
            object.entry("node").or_insert(json!("http://localhost"));
        }
        let errors = everything().resolve(&settings, &utc()).unwrap_err();
        let found = errors.iter().any(|error| error.pointer == pointer && error.detail.contains(part));
        assert!(found, "{settings}: {errors:?}");
        assert_eq!(errors.len(), 1, "{settings}: {errors:?}");
        assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let settings = json!({ "count": 0, "start": "soon", "token": MASK, "what": 1 });
    let errors = everything().resolve(&settings, &utc()).unwrap_err();
    let mut pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/count", "/node", "/start", "/token", "/what"]);
}

#[test]
fn dates_and_secrets_are_found_wherever_they_stand() {
    let key = std::env::temp_dir().join(format!("etlas-settings-{}", std::process::id()));
    let sealer = Sealer::load(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let (platform, job) = (everything(), JobId::new(Shard(0)));
    let posted = json!({
        "node": "http://localhost", "days": ["today"], "token": "secret-1", "headers": { "a/b": "secret-2" },
        "login": { "user": "u", "password": "secret-3" }, "target": { "type": "db", "password": "secret-4" },
    });
    let stored = platform.accept(&posted, &utc(), &sealer, job).unwrap();
    assert!(!stored.to_string().contains("secret-"), "{stored}");
    assert_eq!(stored["start"], json!({ "phrase": "yesterday", "value": "2026-11-19T00:00:00+00:00" }));
    assert_eq!(stored["days"][0]["value"], "2026-11-20T00:00:00+00:00");
    let mut shown = stored.clone();
    mask(&mut shown);
    assert_eq!(shown["target"], json!({ "type": "db", "password": MASK }));

    let opened = platform.open(stored.clone(), &sealer, job).unwrap();
    for place in ["token", "headers", "login", "target"] {
        assert_eq!(opened[place], posted[place]);
    }
    let mut secrets = platform.secrets_in(&opened);
    secrets.sort_unstable();
    assert_eq!(secrets, ["secret-1", "secret-2", "secret-3", "secret-4"]);
    assert!(platform.open(stored, &sealer, JobId::new(Shard(0))).is_err());
    serde_json::from_value::<Everything>(opened).unwrap();
}

#[test]
fn settings_are_listed_for_people() {
    let list = everything().setting_list();
    let kind = |name: &str| list.iter().find(|field| field.name == name).map(|field| field.kind.clone()).unwrap();
    let table = [
        ("node", "string"),
        ("count", "integer"),
        ("tags", "array of string"),
        ("start", "date"),
        ("days", "array of date"),
        ("token", "secret"),
        ("mode", "fast | slow"),
    ];
    for (name, expected) in table {
        assert_eq!(kind(name), expected);
    }
    assert!(list[0].required && list[0].name == "node" && list[0].description == "A URL.");
    let start = list.iter().find(|field| field.name == "start").unwrap();
    assert_eq!((start.default.clone(), start.required), (Value::from("yesterday"), false));
}

#[test]
fn the_registry_loads_and_noop_has_its_example() {
    let registry = Registry::load().unwrap();
    let example = registry.get("noop").unwrap().example().unwrap();
    let file: Value = serde_json::from_str(include_str!("../../../examples/noop.json")).unwrap();
    assert_eq!(example, file);
}

#[test]
fn contradictions_are_refused_by_name() {
    let refused =
        |id, doc, spec| Registry::of(vec![Platform::new(id, doc, spec, run).unwrap()]).unwrap_err().to_string();
    let table = [
        (refused("a", "x", Spec { attempts: 0, ..Spec::DEFAULT }), "platforms/a.rs: PLATFORM.attempts"),
        (refused("a", "x", Spec { timeout: None, ..Spec::DEFAULT }), "only in the pool standing"),
        (refused("a", "x\n```json\n{\n```", Spec::DEFAULT), "example"),
        (refused("a", "x\n```json\n{\"platform_id\":\"b\"}\n```", Spec::DEFAULT), "not \"a\""),
        (refused("a", "x\n```json\n{\"platform_id\":\"a\"}\n```", Spec::DEFAULT), "settings/node is required"),
    ];
    for (error, part) in table {
        assert!(error.contains(part), "{error}");
    }
    assert!(Registry::of(vec![everything(), everything()]).unwrap_err().to_string().contains("two platforms"));
}
