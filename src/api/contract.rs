//! Holds answers to `openapi.yaml`. For tests: those of this crate, and the black-box tests, which include this file.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// The document, read once.
static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("../../openapi.yaml")).unwrap());

/// Compiled schemas by where they stand: tests ask the same thing again and again.
static VALIDATORS: Mutex<Option<HashMap<String, Arc<Validator>>>> = Mutex::new(None);

/// Panics unless the document allows this answer: status, type, headers, body.
pub(crate) fn check(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, text: &str) {
    let what = format!("{method} {path}: {status} {text}");
    assert!(headers.contains_key("x-request-id"), "{what}");
    let path = template(path);
    let item = &DOCUMENT["paths"][path];
    // What is answered to GET is answered to HEAD, without its body.
    let operation = if method == Method::HEAD { "get".into() } else { method.as_str().to_lowercase() };
    if item[&operation].is_null() {
        // The router's own answers, which the document describes once for all paths.
        match (item.is_null(), method == Method::OPTIONS) {
            _ if status == StatusCode::MISDIRECTED_REQUEST => {}
            (true, _) => assert_eq!(status, StatusCode::NOT_FOUND, "{what}"),
            (false, true) => assert_eq!(status, StatusCode::NO_CONTENT, "{what}"),
            (false, false) => assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{what}"),
        }
        let listed = !item.is_null() && status != StatusCode::MISDIRECTED_REQUEST;
        assert_eq!(headers.contains_key("allow"), listed, "{what}");
        // Paths of another system have its errors.
        let (kind, schema) = if path == "/request" || path.starts_with("/request/") {
            ("application/json", "/components/schemas/PlainError")
        } else {
            ("application/problem+json", "/components/schemas/Problem")
        };
        if status != StatusCode::NO_CONTENT {
            assert_eq!(headers["content-type"], kind, "{what}");
            validate(schema, text, &what);
        }
        return;
    }
    let (response, place) = follow(format!("/paths/{}/{operation}/responses/{}", escape(path), status.as_str()));
    assert!(response.is_object(), "the status is not documented: {what}");
    for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
        let (header, _) = follow(format!("{place}/headers/{name}"));
        assert!(header["required"] != true || headers.contains_key(name), "the header {name} is missing: {what}");
    }
    if response["content"].is_null() {
        assert_eq!(text, "", "a body is not documented: {what}");
        return;
    }
    let kind = headers["content-type"].to_str().unwrap();
    assert!(response["content"][kind].is_object(), "the type {kind} is not documented: {what}");
    if kind.ends_with("json") && method != Method::HEAD {
        validate(&format!("{place}/content/{}/schema", escape(kind)), text, &what);
    }
}

/// Panics unless the document allows an event of this name to say this.
#[allow(dead_code, reason = "only the black-box tests read streams")]
pub(crate) fn check_event(name: &str, data: &str) {
    let schema = match name {
        "snapshot" | "reset" => "Job",
        "status" => "StatusEvent",
        "progress" => "ProgressEvent",
        "log" => "LogLine",
        "end" => "EndEvent",
        other => panic!("an event {other} is not documented: {data}"),
    };
    validate(&format!("/components/schemas/{schema}"), data, name);
}

/// The same of a network's events.
#[allow(dead_code, reason = "only the black-box tests read streams")]
pub(crate) fn check_crawl_event(name: &str, data: &str) {
    let schema = if name == "reset" { "CrawlReset" } else { "CrawlEvent" };
    validate(&format!("/components/schemas/{schema}"), data, name);
    let told: Value = serde_json::from_str(data).unwrap();
    assert_eq!(told["type"], name);
}

/// The same of full nodes' events.
#[allow(dead_code, reason = "only the black-box tests read streams")]
pub(crate) fn check_network_event(name: &str, data: &str) {
    let schema = match name {
        "network" => "NetworkMessage",
        "diff" => "NetworkDiff",
        "alarms" => "AlarmsMessage",
        other => panic!("an event {other} is not documented: {data}"),
    };
    validate(&format!("/components/schemas/{schema}"), data, name);
}

/// The path as the document has it: `/node/{id}` for `/node/f0e1…`.
fn template(path: &str) -> &str {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &&String| {
        let (ours, theirs) = (path.split('/'), template.split('/'));
        let is_it = |(ours, theirs): (&str, &str)| ours == theirs || (theirs.starts_with('{') && !ours.is_empty());
        ours.clone().count() == theirs.clone().count() && ours.zip(theirs).all(is_it)
    };
    if paths.contains_key(path) { path } else { paths.keys().find(fits).map_or(path, String::as_str) }
}

/// Panics unless the document allows this body of a callback.
#[allow(dead_code, reason = "only the black-box tests receive callbacks")]
pub(crate) fn check_callback(text: &str) {
    validate("/components/schemas/RequestFinished", text, "a callback");
}

/// What stands at a place of the document, and where it really stands, if that is a reference.
fn follow(place: String) -> (&'static Value, String) {
    let value = DOCUMENT.pointer(&place).unwrap_or(&Value::Null);
    match value["$ref"].as_str() {
        Some(target) => follow(target.trim_start_matches('#').to_owned()),
        None => (value, place),
    }
}

fn validate(place: &str, text: &str, what: &str) {
    let instance: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("not JSON ({error}): {what}"));
    let errors: Vec<String> = validator(place)
        .iter_errors(&instance)
        .map(|error| format!("{error} at {:?}", error.instance_path().as_str()))
        .collect();
    assert!(errors.is_empty(), "{}\n{what}", errors.join("\n"));
}

fn validator(place: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || {
        let schema = json!({ "$ref": format!("#{}", place.replace('{', "%7B").replace('}', "%7D")), "components": DOCUMENT["components"], "paths": DOCUMENT["paths"] });
        Arc::new(jsonschema::draft202012::options().build(&schema).unwrap())
    };
    validators.get_or_insert_default().entry(place.to_owned()).or_insert_with(compile).clone()
}

/// A member's name as part of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
