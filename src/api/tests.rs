//! The code and `openapi.yaml` agree: routes, codes, and every answer of a table of requests to a real redis-server.

use std::{collections::BTreeSet, path::Path};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{spec::DOCUMENT, *};
use crate::{broker::Scratch, platform::Registry, queue::Queue, secret::Sealer};

fn document() -> Value {
    serde_saphyr::from_str(DOCUMENT).unwrap()
}

/// `get /path` of the document.
fn documented() -> BTreeSet<String> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let routes = paths.iter().flat_map(|(path, item)| {
        let there = item.as_object().unwrap().keys().filter(|key| methods.contains(&key.as_str()));
        there.map(move |method| format!("{method} {path}"))
    });
    routes.collect()
}

fn word(method: MethodFilter) -> &'static str {
    match method {
        MethodFilter::GET => "get",
        MethodFilter::POST => "post",
        MethodFilter::PUT => "put",
        other => panic!("{other:?} is new here"),
    }
}

#[test]
fn every_route_is_documented_and_every_documented_one_exists() {
    let routed: BTreeSet<String> =
        routes().iter().map(|route| format!("{} {}", word(route.method), route.path)).collect();
    assert_eq!(routed, documented());
    assert_eq!(routed.len(), routes().len(), "no route twice");
}

#[test]
fn whatever_may_change_something_is_behind_the_gate() {
    let open: Vec<&str> =
        routes().iter().filter(|route| route.method != GET && !route.changes).map(|route| route.path).collect();
    // They ask; the last one passes the gate itself when it does more.
    assert_eq!(open, ["/system/alive", "/system/check_url", "/execution/check", "/execution/bulk"]);
    assert!(!routes().iter().any(|route| route.method == GET && route.changes));
}

#[test]
fn every_problem_is_documented_and_every_documented_one_exists() {
    let written: BTreeSet<String> =
        serde_json::from_value(document()["components"]["schemas"]["ProblemCode"]["enum"].clone()).unwrap();
    let coded = Code::ALL.iter().map(|code| serde_json::to_value(code).unwrap().as_str().unwrap().to_owned()).collect();
    assert_eq!(written, coded);
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                }
                members.values().for_each(|member| check(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| check(document, item)),
            _ => {}
        }
    }
    check(&document(), &document());
}

struct Bench {
    router: Router,
    jobs: Jobs,
    redis: Option<Scratch>,
    key: std::path::PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        std::fs::remove_file(&self.key).ok();
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    json: Value,
}

async fn bench(overrides: &[(&str, &str)]) -> Bench {
    let overrides = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let config = crate::config::load(None::<&Path>, overrides).unwrap();
    let redis = Scratch::start().unwrap();
    let key = std::env::temp_dir().join(format!("collector-key-{:016x}", rand::random::<u64>()));
    let queue = Queue::new(redis.broker().await.unwrap(), &config);
    let jobs = Jobs::new(queue, Arc::new(Registry::load().unwrap()), Sealer::load(&key).unwrap(), &config);
    let api = Api(Arc::new(Shared {
        crawls: Crawls::new(&jobs, &config),
        networks: Networks::default(),
        jobs: jobs.clone(),
        watch: watching(&jobs, &config, false),
        streams: Arc::new(Semaphore::new(config.api.max_streams)),
        hosts: Hosts::new(&config.api),
        requests: OnceCell::new(),
        http: Client::new(&config.network),
        config: Arc::new(config),
        supervises: false,
        stop: CancellationToken::new(),
        started: Instant::now(),
    }));
    Bench { router: router(api), jobs, redis: Some(redis), key }
}

impl Bench {
    /// Asks, and holds the answer to the document.
    async fn ask(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(uri).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8_lossy(&to_bytes(body, 64 << 20).await.unwrap()).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        let path = uri.split('?').next().unwrap();
        contract::check(&method.parse().unwrap(), path, parts.status, &parts.headers, &text);
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    /// Asks for something that is answered so.
    async fn answers(&self, method: &str, uri: &str, status: u16) {
        let answer = self.ask(method, uri, &[], "").await;
        assert_eq!(answer.status, status, "{method} {uri}: {}", answer.text);
        let problem = answer.headers["content-type"] == "application/problem+json";
        assert_eq!(problem, status >= 400, "{method} {uri}");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{method} {uri}");
    }

    async fn get(&self, uri: &str) -> Answer {
        self.ask("GET", uri, &[], "").await
    }

    async fn run(&self, body: &str) -> Answer {
        self.ask("POST", "/execution/run", &[("content-type", "application/json")], body).await
    }
}

#[tokio::test]
async fn watching_is_as_documented() {
    let bench = bench(&[]).await;
    for (method, uri, status) in [
        ("GET", "/queue/stats", 200),
        ("GET", "/queue/stats?x", 400),
        ("GET", "/queue/history", 200),
        ("GET", "/queue/history?span=24h&pool=light", 200),
        ("GET", "/queue/history?span=1h", 400),
        ("GET", "/queue/history?pool=Light", 400),
        ("GET", "/sanjers/get", 200),
        ("GET", "/sanjers/get?x", 400),
        ("POST", "/sanjers/quiet", 400),
        ("POST", "/sanjers/quiet?sanjer=", 400),
        ("POST", "/sanjers/quiet?sanjer=nobody", 404),
        ("POST", "/sanjers/resume?sanjer=nobody", 404),
        ("POST", "/sanjers/recycle?sanjer=a:1:2%00", 404),
        ("GET", "/sanjers/quiet", 405),
        ("GET", "/execution/explain", 400),
        ("GET", "/execution/explain?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab", 404),
        ("GET", "/execution/log?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab", 404),
        ("GET", "/execution/log?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab&limit=1001", 400),
        ("GET", "/execution/log?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab&before=0", 400),
        ("GET", "/execution/dataset?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab", 400),
        ("GET", "/execution/dataset?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab&name=original", 404),
        ("GET", "/execution/dataset?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab&name=all", 400),
        ("GET", "/execution/dataset?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab&name=original&limit=1001", 400),
        ("GET", "/execution/dataset?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab&name=original&format=xml", 400),
        (
            "GET",
            "/execution/dataset?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab&name=original&format=csv&offset=1",
            400,
        ),
        ("GET", "/execution/hash?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab", 404),
        ("GET", "/system/get", 200),
        ("GET", "/metrics", 200),
        ("GET", "/metrics?x", 400),
    ] {
        bench.answers(method, uri, status).await;
    }
}

#[tokio::test]
async fn answers_are_as_documented() {
    let bench = bench(&[]).await;
    let accepted = bench.run(r#"{"_id": "mine", "platform_id": "noop", "settings": {"on": "yesterday"}}"#).await;
    assert_eq!(accepted.status, 202);
    let id = accepted.json["job_id"].as_str().unwrap();
    assert_eq!(accepted.headers["location"], format!("/execution/get?job_id={id}"));
    let job = bench.get(&format!("/execution/get?job_id={id}")).await;
    assert_eq!((&job.json["_id"], &job.json["status"]), (&json!("mine"), &json!("queued")));
    let full = bench.get(&format!("/execution/get?job_id={id}&full")).await;
    assert_eq!(full.json["processed"], json!({"total": 0, "kept": 0, "truncated": false, "rows": []}));
    assert_eq!(full.json["log_lines"], json!({"total": 0, "kept": 0, "truncated": false}));
    let list = bench.get("/execution/list?limit=1&status=queued&platform=noop").await;
    assert_eq!(list.json["jobs"][0]["job_id"], id);
    for (method, uri, status) in [
        ("GET", "/system/alive", 200),
        ("POST", "/system/alive", 200),
        ("GET", "/platforms/get", 200),
        ("GET", "/openapi.yaml", 200),
        ("GET", "/openapi.yaml?x", 400),
        ("GET", "/ui", 200),
        ("GET", "/ui/?status=failed", 200),
        ("GET", "/ui/jobs", 200),
        ("GET", "/ui/jobs/0193f5a0-1c2d-7e4f-8a00-0123456789ab", 200),
        ("GET", "/ui/assets/nothing.js", 404),
        ("GET", "/ui/assets/%ff", 404),
        ("GET", "/ui/assets/..%2f.gitignore", 404),
        ("GET", "/ui/a/b/c", 404),
        ("POST", "/ui/jobs", 405),
        ("GET", "/system/alive?x=1", 400),
        ("GET", "/execution/get", 400),
        ("GET", "/execution/get?job_id=x", 400),
        ("GET", "/execution/get?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab", 404),
        ("GET", "/execution/events?job_id=0193f5a0-1c2d-7e4f-8a00-0123456789ab", 404),
        ("GET", "/execution/list?limit=201", 400),
        ("GET", "/execution/list?limit=1&limit=1", 400),
        ("GET", "/execution/list?cursor=", 400),
        ("GET", "/execution/list?status=", 400),
        ("GET", "/execution/list?platform=0", 400),
        ("GET", "/crawl/networks", 200),
        ("GET", "/crawl/networks?x", 400),
        ("GET", "/crawl/nodes", 404),
        ("GET", "/crawl/nodes?network=mainnet", 404),
        ("GET", "/crawl/nodes?network=Main", 400),
        ("GET", "/crawl/nodes?state=dead", 400),
        ("GET", "/crawl/nodes?limit=501", 400),
        ("GET", "/crawl/nodes?fork=b530", 400),
        ("GET", "/crawl/nodes?subnet=192.0.2.0/33", 400),
        ("GET", "/crawl/nodes?client=", 400),
        ("GET", "/crawl/nodes?freshness_min=-1", 400),
        ("GET", "/crawl/nodes?seen_since=now", 400),
        ("GET", "/crawl/node", 400),
        ("GET", "/crawl/node?id=a4", 400),
        ("GET", "/crawl/stats", 404),
        ("GET", "/crawl/export", 400),
        ("GET", "/crawl/export?format=xml", 400),
        ("GET", "/crawl/export?format=csv", 404),
        ("GET", "/crawl/export?format=csv&domain=a.org", 400),
        ("GET", "/crawl/export?format=enrtree", 400),
        ("GET", "/crawl/export?format=enrtree&domain=a..b", 400),
        ("GET", "/crawl/events", 404),
        ("POST", "/crawl/nodes", 405),
        ("POST", "/system/check_url", 400),
        ("POST", "/system/check_url?x", 400),
        ("GET", "/system/check_url", 405),
        ("POST", "/execution/run?x", 400),
        ("POST", "/execution/run", 400),
        ("GET", "/nowhere", 404),
        ("GET", "/execution/get/", 404),
        ("DELETE", "/execution/get", 405),
        ("GET", "/execution/run", 405),
    ] {
        bench.answers(method, uri, status).await;
    }
    let root = bench.get("/").await;
    assert_eq!((root.status.as_u16(), &root.headers["location"]), (307, &"/ui/".parse().unwrap()));
    let head = bench.ask("HEAD", "/system/alive", &[], "").await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    let options = bench.ask("OPTIONS", "/system/alive", &[], "").await;
    assert_eq!((options.status.as_u16(), &options.headers["allow"]), (204, &"GET,HEAD,POST".parse().unwrap()));
}

#[tokio::test]
async fn a_task_spec_is_checked_without_a_trace() {
    let bench = bench(&[]).await;
    let kind = ("content-type", "application/json");
    let spec = r#"{"platform_id": "noop", "settings": {"on": "2026-11-20", "secret": "hunter2"}}"#;
    let checked = bench.ask("POST", "/execution/check", &[kind], spec).await;
    assert_eq!((checked.status.as_u16(), &checked.json["pool"]), (200, &json!("light")), "{}", checked.text);
    assert_eq!(checked.json["settings"]["on"]["phrase"], "2026-11-20");
    assert!(checked.json["settings"]["on"]["value"].as_str().unwrap().starts_with("2026-11-20T00:00:00"));
    assert_eq!(checked.json["settings"]["secret"], "••••");
    let spec = r#"{"platform_id": "noop", "settings": {"on": "someday"}}"#;
    let wrong = bench.ask("POST", "/execution/check", &[kind], spec).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["errors"][0]["pointer"]), (422, &json!("/settings/on")));
    assert_eq!(bench.get("/execution/list").await.json["jobs"], json!([]));
}

#[tokio::test]
async fn the_dashboard_can_do_nothing_but_show() {
    let bench = bench(&[]).await;
    let page = bench.get("/ui/jobs?label=%3Cscript%3E").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(!page.text.contains("label="), "nothing of the address is in the page");
    // Without `make web` there is nothing to keep.
    if let Some(tag) = page.headers.get("etag").and_then(|tag| tag.to_str().ok()) {
        assert_eq!(page.headers["cache-control"], "no-cache");
        let same = bench.ask("GET", "/ui/", &[("if-none-match", tag)], "").await;
        assert_eq!((same.status.as_u16(), same.text.as_str(), &same.headers["etag"]), (304, "", &tag.parse().unwrap()));
        let script = page
            .text
            .split('"')
            .find(|part| part.starts_with("/ui/assets/") && part.rsplit('.').next() == Some("js"))
            .unwrap();
        let script = bench.get(script).await;
        assert_eq!(script.headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    }
}

#[tokio::test]
async fn urls_are_judged() {
    let bench = bench(&[]).await;
    let kind = ("content-type", "application/json");
    for (body, allowed, rule) in [
        (json!({"url": "http://127.0.0.1:9000/x?token=1"}), true, Value::Null),
        (json!({"url": "http://localhost:9000"}), true, Value::Null),
        (json!({"url": "http://example.org"}), false, json!("name")),
        (json!({"url": "http://8.8.8.8"}), false, json!("public")),
        (json!({"url": "http://0xa9fea9fe/latest"}), false, json!("metadata")),
        (json!({"url": "nonsense"}), false, json!("url")),
    ] {
        let answer = bench.ask("POST", "/system/check_url", &[kind], &body.to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.json["allowed"]), (200, &json!(allowed)), "{}", answer.text);
        assert_eq!(answer.json["rule"], rule, "{}", answer.text);
    }
    for body in [json!({}), json!({"url": 5}), json!({"url": "http://a", "more": 1}), json!([])] {
        let answer = bench.ask("POST", "/system/check_url", &[kind], &body.to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.json["code"]), (422, &json!("invalid_body")), "{}", answer.text);
    }
}

#[tokio::test]
async fn headers_are_checked() {
    let bench = bench(&[("api.max_body", "1KiB")]).await;
    let body = r#"{"platform_id": "noop"}"#;
    let long = format!("{{\"platform_id\": \"{}\"}}", "x".repeat(2000));
    for (headers, body, status, code) in [
        (&[("content-type", "text/plain")][..], body, 415, "unsupported_media_type"),
        (&[("content-type", "application/json"), ("content-encoding", "gzip")], body, 415, "unsupported_media_type"),
        (&[("origin", "https://elsewhere.example")], body, 415, "unsupported_media_type"),
        (&[("idempotency-key", "a b")], body, 400, "bad_idempotency_key"),
        (&[("idempotency-key", "")], body, 400, "bad_idempotency_key"),
        (&[("idempotency-key", "a"), ("idempotency-key", "a")], body, 400, "bad_idempotency_key"),
        (&[], long.as_str(), 413, "body_too_large"),
        (&[], "[[[[", 400, "malformed_json"),
        (&[], "[]", 422, "invalid_task_spec"),
    ] {
        let answer = bench.ask("POST", "/execution/run", headers, body).await;
        assert_eq!((answer.status.as_u16(), &answer.json["code"]), (status, &json!(code)), "{}", answer.text);
    }
    let faulty: serde_json::Map<String, Value> = (0..120).map(|n| (n.to_string(), 0.into())).collect();
    let answer = bench.run(&Value::from(faulty).to_string()).await;
    assert_eq!(answer.json["errors"].as_array().map(Vec::len), Some(100), "{}", answer.text);
    let own = bench.ask("GET", "/nowhere", &[("x-request-id", "mine-1")], "").await;
    assert_eq!((&own.headers["x-request-id"], &own.json["request_id"]), (&"mine-1".parse().unwrap(), &json!("mine-1")));
    let bad = bench.ask("GET", "/nowhere", &[("x-request-id", "a b")], "").await;
    assert_ne!(bad.headers["x-request-id"], "a b");
    let gzip = bench.ask("GET", "/openapi.yaml", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(gzip.headers["content-encoding"], "gzip");
    let job = bench.jobs.submit(body.as_bytes(), None).await.unwrap().job_id;
    let foreign = bench.ask("GET", &format!("/execution/events?job_id={job}"), &[("last-event-id", "x")], "").await;
    assert_eq!(foreign.json["code"], "bad_event_id");
}

#[tokio::test]
async fn without_redis_it_says_so_and_stays_up() {
    let mut bench = bench(&[("redis.timeout", "1s")]).await;
    bench.redis = None;
    let accepted = bench.run(r#"{"platform_id": "noop"}"#).await;
    let listed = bench.get("/execution/list").await;
    let crawled = bench.get("/crawl/nodes").await;
    for answer in [accepted, listed, crawled] {
        assert_eq!(
            (answer.status.as_u16(), &answer.json["code"]),
            (503, &json!("redis_unavailable")),
            "{}",
            answer.text
        );
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert_eq!(bench.get("/system/alive").await.status, 200);
    let diagnosis = bench.ask("POST", "/system/alive", &[], "").await;
    assert_eq!((diagnosis.status.as_u16(), &diagnosis.json["failing"]), (503, &json!(["redis"])), "{}", diagnosis.text);
}
