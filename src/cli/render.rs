//! JSON as people read it: tables.

use comfy_table::{
    ContentArrangement, Table, TableStyle,
    presets::{NOTHING, UTF8_BORDERS_ONLY},
};
use serde_json::{Map, Value};

use super::progress::printable;

/// The longest text of one cell.
const MAX_CELL: usize = 200;

/// The most rows of one table; the rest is counted.
const MAX_ROWS: usize = 20;

/// Parts of a job that have a place of their own below the table of its facts.
const PARTS: [&str; 6] = ["result", "error", "metadata", "original", "processed", "log"];

/// Facts that are left out when they say nothing new.
const SETTINGS: [&str; 2] = ["settings", "options"];

/// As indented JSON.
pub(super) fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// One job: its facts, its error, its result, and whatever else it came with.
pub(super) fn job(record: &Value) -> String {
    let Value::Object(fields) = record else { return json(record) };
    let facts: Map<String, Value> = fields
        .iter()
        .filter(|(name, value)| !PARTS.contains(&name.as_str()) && !SETTINGS.contains(&name.as_str()) && is_said(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut text = pairs(&facts);
    for part in PARTS {
        if let Some(value) = fields.get(part).filter(|value| is_said(value)) {
            text.push_str(&titled(part, value));
        }
    }
    text
}

/// Objects as rows under these columns.
pub(super) fn rows(items: &[Value], columns: &[&str]) -> String {
    let mut table = table(UTF8_BORDERS_ONLY);
    table.set_header(columns.iter().copied());
    for item in items {
        table.add_row(columns.iter().map(|column| item.get(column).map(cell).unwrap_or_default()));
    }
    format!("{table}\n")
}

/// A value under its title; tables within it follow with theirs.
fn titled(title: &str, value: &Value) -> String {
    let heading = format!("\n{}\n", title.replace('_', " "));
    match value {
        Value::Object(map) => {
            let (inner, plain): (Vec<_>, Vec<_>) = map.iter().partition(|(_, value)| is_table(value));
            let plain: Map<_, _> = plain.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            let mut text = if plain.is_empty() { String::new() } else { format!("{heading}{}", pairs(&plain)) };
            for (key, value) in inner {
                text.push_str(&titled(&format!("{title}: {key}"), value));
            }
            text
        }
        Value::Array(items) if items.iter().all(Value::is_object) => {
            let mut columns: Vec<&str> = Vec::new();
            for key in items.iter().take(MAX_ROWS).filter_map(Value::as_object).flat_map(Map::keys) {
                if !columns.contains(&key.as_str()) {
                    columns.push(key);
                }
            }
            let shown = items.get(..MAX_ROWS).unwrap_or(items);
            format!("{heading}{}{}", rows(shown, &columns), left_out(items.len()))
        }
        Value::Array(items) => {
            let lines: Vec<_> = items.iter().take(MAX_ROWS).map(|item| format!("  {}\n", cell(item))).collect();
            format!("{heading}{}{}", lines.concat(), left_out(items.len()))
        }
        other => format!("{heading}  {}\n", cell(other)),
    }
}

fn left_out(count: usize) -> String {
    match count.checked_sub(MAX_ROWS) {
        Some(more @ 1..) => format!("  … and {more} more (--json shows all)\n"),
        _ => String::new(),
    }
}

/// A table of key and value.
fn pairs(map: &Map<String, Value>) -> String {
    let mut table = table(NOTHING);
    for (key, value) in map {
        table.add_row([key.replace('_', " "), cell(value)]);
    }
    format!("{table}\n")
}

fn table(style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// One value in one cell.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(", ")
        }
        other => printable(&other.to_string()),
    };
    match text.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Whether it deserves a table of its own.
fn is_table(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => items.first().is_some_and(Value::is_object),
        _ => false,
    }
}

/// Whether there is anything to show.
fn is_said(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_shows_its_result_and_its_tables() {
        let text = job(&json!({
            "job_id": "x", "status": "succeeded", "settings": {"a": 1}, "error": null,
            "result": {"found": 64, "forks": {"fusaka": 60, "other": 4}, "names": ["a", "b"]},
            "log": (0..25).map(|n| json!({"at": n, "line": "\u{1b}[31mred"})).collect::<Vec<_>>(),
        }));
        for part in
            ["job id", "succeeded", "found", "64", "result: forks", "fusaka", "a, b", "… and 5 more", " [31mred"]
        {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        for part in ["settings", "error", "\u{1b}"] {
            assert!(!text.contains(part), "{part} is too much in\n{text}");
        }
    }
}
