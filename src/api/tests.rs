//! The code and `openapi.yaml` agree.

use std::collections::BTreeSet;

use super::{problem::Code, spec::DOCUMENT};

/// The lines of a block that begins with `head`, up to the next line that is indented as little.
fn block(head: &str) -> impl Iterator<Item = &str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = DOCUMENT.lines().skip_while(move |line| *line != head);
    let depth = indent(lines.next().expect(head));
    lines.take_while(move |line| line.is_empty() || indent(line) > depth)
}

/// `GET /path` of the document.
fn documented() -> BTreeSet<String> {
    let mut path = "";
    let mut routes = BTreeSet::new();
    for line in block("paths:") {
        if let Some(name) = line.strip_prefix("  ").filter(|rest| rest.starts_with('/')) {
            path = name.trim_end_matches(':');
        } else if let Some(method) = line.strip_prefix("    ").filter(|rest| !rest.starts_with(' ') && !rest.is_empty())
        {
            routes.insert(format!("{} {path}", method.trim_end_matches(':').to_uppercase()));
        }
    }
    routes
}

/// `GET /path` of the router's own source: axum cannot be asked.
fn routed() -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for line in include_str!("mod.rs").lines() {
        let Some((path, handlers)) = line.trim().strip_prefix(".route(\"").and_then(|rest| rest.split_once("\", "))
        else {
            continue;
        };
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.starts_with(&format!("{method}(")) || handlers.contains(&format!(").{method}(")) {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

#[test]
fn every_route_is_documented_and_every_documented_one_exists() {
    assert_eq!(routed(), documented());
    assert_eq!(routed().len(), 8);
}

#[test]
fn every_problem_is_documented_and_every_documented_one_exists() {
    let written: BTreeSet<String> =
        block("    ProblemCode:").filter_map(|line| line.trim().strip_prefix("- ").map(str::to_owned)).collect();
    let coded =
        Code::ALL.iter().map(|code| serde_json::to_string(code).unwrap().trim_matches('"').to_owned()).collect();
    assert_eq!(written, coded);
}
