//! Bad input gets a precise 4xx and leaves nothing behind.

use serde_json::{Value, json};

use crate::support::{Collector, Scratch, http::client};

/// A body, the status, the code, and the pointer of one error (or none).
fn table() -> Vec<(String, u16, &'static str, Option<&'static str>)> {
    let spec = |settings: Value| json!({"platform_id": "noop", "settings": settings}).to_string();
    let options = |options: Value| json!({"platform_id": "noop", "options": options}).to_string();
    let deep = format!("{}1{}", "[".repeat(80), "]".repeat(80));
    let mut table = vec![
        (String::new(), 400, "malformed_json", None),
        ("{".into(), 400, "malformed_json", None),
        ("nonsense".into(), 400, "malformed_json", None),
        ("{\"platform_id\": \"noop\",}".into(), 400, "malformed_json", None),
        (format!("{{\"platform_id\": \"noop\", \"settings\": {deep}}}"), 400, "too_deep", None),
        (format!("{{\"platform_id\": \"{}\"}}", "x".repeat(2 << 20)), 413, "body_too_large", None),
    ];
    let invalid = [
        ("[]".to_owned(), ""),
        ("\"text\"".to_owned(), ""),
        ("null".to_owned(), ""),
        ("{}".to_owned(), "/platform_id"),
        (json!({"platform_id": 7}).to_string(), "/platform_id"),
        (json!({"platform_id": "nope"}).to_string(), "/platform_id"),
        (json!({"platform_id": "../noop"}).to_string(), "/platform_id"),
        (json!({"platform_id": "noop", "setings": {}}).to_string(), "/setings"),
        (json!({"platform_id": "noop", "_id": 5}).to_string(), "/_id"),
        (json!({"platform_id": "noop", "_id": "x".repeat(300)}).to_string(), "/_id"),
        (json!({"platform_id": "noop", "settings": []}).to_string(), "/settings"),
        (json!({"platform_id": "noop", "options": []}).to_string(), "/options"),
        (spec(json!({"sleep_ms": -1})), "/settings/sleep_ms"),
        (spec(json!({"sleep_ms": "1"})), "/settings/sleep_ms"),
        (spec(json!({"sleep_ms": 1.5})), "/settings/sleep_ms"),
        (spec(json!({"sleep_ms": 1e12})), "/settings/sleep_ms"),
        (spec(json!({"steps": 1_000_000})), "/settings/steps"),
        (spec(json!({"rows": null})), "/settings/rows"),
        (spec(json!({"fail_with": "nothing"})), "/settings/fail_with"),
        (spec(json!({"secret": 5})), "/settings/secret"),
        (spec(json!({"secret": ""})), "/settings/secret"),
        (spec(json!({"secret": "••••"})), "/settings/secret"),
        (spec(json!({"on": "someday"})), "/settings/on"),
        (spec(json!({"on": "2026-02-30"})), "/settings/on"),
        (spec(json!({"on": 20_260_101})), "/settings/on"),
        (spec(json!({"unknown": 1})), "/settings/unknown"),
        (spec(json!({"a/b~c": 1})), "/settings/a~1b~0c"),
        (options(json!({"priority": 10})), "/options/priority"),
        (options(json!({"priority": -1})), "/options/priority"),
        (options(json!({"priority": "high"})), "/options/priority"),
        (options(json!({"run_at": "tomorrow"})), "/options/run_at"),
        (options(json!({"run_at": "2999-01-01T00:00:00Z"})), "/options/run_at"),
        (options(json!({"delay_s": -5})), "/options/delay_s"),
        (options(json!({"delay_s": 99_999_999_999_u64})), "/options/delay_s"),
        (options(json!({"time_zone": "Middle/Earth"})), "/options/time_zone"),
        (options(json!({"timeout_s": 0})), "/options/timeout_s"),
        (options(json!({"queue_ttl_s": "1m"})), "/options/queue_ttl_s"),
        (options(json!({"cancel_grace_s": 301})), "/options/cancel_grace_s"),
        (options(json!({"max_attempts": 101})), "/options/max_attempts"),
        (options(json!({"base_s": -1})), "/options/base_s"),
        (options(json!({"cap_s": null})), "/options/cap_s"),
        (options(json!({"max_rss_mb": 100})), "/options/max_rss_mb"),
        (options(json!({"max_cpu_s": 5})), "/options/max_cpu_s"),
        (options(json!({"retention_s": 0})), "/options/retention_s"),
        (options(json!({"unique": true})), "/options/unique"),
    ];
    table.extend(invalid.map(|(body, pointer)| (body, 422, "invalid_task_spec", Some(pointer))));
    table
}

#[tokio::test]
async fn bad_task_specs_are_refused_precisely() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let table = table();
    assert!(table.len() >= 40, "{}", table.len());
    let mut wrong = Vec::new();
    for (body, status, code, pointer) in table {
        let answer = collector.post("/execution/run", body.clone()).await;
        let shown = body.chars().take(80).collect::<String>();
        let pointers: Vec<&str> = answer.json["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["pointer"].as_str())
            .collect();
        let found = pointer.is_none_or(|pointer| pointers.contains(&pointer));
        let problem = answer.headers.get("content-type").is_some_and(|kind| kind == "application/problem+json");
        if (answer.status, &answer.json["code"]) != (status, &json!(code)) || !found || !problem {
            wrong.push(format!("{shown}: want {status} {code} {pointer:?}, got {} {}", answer.status, answer.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let list = collector.get("/execution/list").await.json;
    assert_eq!(list["jobs"], json!([]), "nothing was enqueued");
}

#[tokio::test]
async fn all_errors_come_at_once() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let body =
        json!({"platform_id": "noop", "settings": {"steps": -1, "x": 1, "on": "never"}, "options": {"priority": 99}});
    let answer = collector.post("/execution/run", body.to_string()).await;
    let mut pointers: Vec<&str> =
        answer.json["errors"].as_array().unwrap().iter().filter_map(|error| error["pointer"].as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/options/priority", "/settings/on", "/settings/steps", "/settings/x"], "{}", answer.text);
}

#[tokio::test]
async fn bad_requests_are_refused_by_the_router_too() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &[]).await;
    let absent = "0193f5a0-1c2d-7e4f-8a00-0123456789ab";
    let table = [
        ("/nowhere".to_owned(), 404, "not_found"),
        ("/execution/run".to_owned(), 405, "method_not_allowed"),
        ("/execution/get".to_owned(), 400, "bad_query"),
        ("/execution/get?job_id=x".to_owned(), 400, "bad_job_id"),
        (format!("/execution/get?job_id={absent}"), 404, "unknown_job"),
        (format!("/execution/get?job_id={absent}&ful"), 400, "bad_query"),
        (format!("/execution/events?job_id={absent}"), 404, "unknown_job"),
        ("/execution/list?status=done".to_owned(), 400, "bad_query"),
        ("/execution/list?limit=0".to_owned(), 400, "bad_query"),
        ("/execution/list?cursor=x".to_owned(), 400, "bad_cursor"),
    ];
    for (path, status, code) in table {
        let answer = collector.get(&path).await;
        assert_eq!((answer.status, &answer.json["code"]), (status, &json!(code)), "{path}: {}", answer.text);
    }
    let xml = client().post(format!("{}/execution/run", collector.base)).header("content-type", "text/xml");
    let answer = collector.ask(xml.body("<a/>")).await;
    assert_eq!((answer.status, &answer.json["code"]), (415, &json!("unsupported_media_type")), "{}", answer.text);
}
