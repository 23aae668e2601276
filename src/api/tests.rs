//! The code and `openapi.yaml` agree.

use std::collections::BTreeSet;

use axum::routing::MethodFilter;
use serde_json::Value;

use super::{problem::Code, routes, spec::DOCUMENT};

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
