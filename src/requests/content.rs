//! What a provider sent, by its type: JSON, text, lines of JSON, a table, or bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How deep a provider's JSON may nest: what reads it later must not run out of stack either.
const MAX_DEPTH: usize = 64;

/// What a provider sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "lowercase")]
pub enum Content {
    /// A JSON value.
    Json(Value),
    /// Text.
    Text(String),
    /// The values of lines of JSON.
    Ndjson(Vec<Value>),
    /// The rows of a table, its heading among them.
    Csv(Vec<Vec<String>>),
    /// Anything else, in base64.
    Bytes(String),
}

/// What was sent is not of the type it was sent as.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// Not JSON.
    #[error("not the JSON it is sent as: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON that nests too deep.
    #[error("its JSON nests more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// Not UTF-8.
    #[error("not the text it is sent as")]
    Text,
    /// No table: a quote that does not end.
    #[error("not the table it is sent as: a quote does not end")]
    Csv,
}

impl Content {
    /// Reads a body by its `Content-Type`.
    pub fn read(kind: Option<&str>, body: &[u8]) -> Result<Self, ContentError> {
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let text = || std::str::from_utf8(body).map(without_mark).map_err(|_| ContentError::Text);
        Ok(match kind.as_str() {
            "application/json" | "text/json" => Self::Json(json(text()?)?),
            kind if kind.ends_with("+json") => Self::Json(json(text()?)?),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                Self::Ndjson(
                    text()?.lines().filter(|line| !line.trim().is_empty()).map(json).collect::<Result<_, _>>()?,
                )
            }
            "text/csv" => Self::Csv(rows(text()?)?),
            kind if kind.starts_with("text/") || kind == "application/xml" || kind.ends_with("+xml") => {
                Self::Text(text()?.to_owned())
            }
            _ => Self::Bytes(BASE64.encode(body)),
        })
    }
}

/// Without the mark that some write before UTF-8.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn json(text: &str) -> Result<Value, ContentError> {
    let value: Value = serde_json::from_str(text)?;
    if depth(&value) > MAX_DEPTH { Err(ContentError::TooDeep) } else { Ok(value) }
}

/// How deep it nests; the parser has refused what nests deeper than 128.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The rows of a table as RFC 4180 writes it: a field in quotes may hold commas, line breaks and doubled quotes.
fn rows(text: &str) -> Result<Vec<Vec<String>>, ContentError> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            char => field.push(char),
        }
    }
    if quoted {
        return Err(ContentError::Csv);
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(kind: &str, body: &[u8]) -> Value {
        let content = Content::read(Some(kind).filter(|kind| !kind.is_empty()), body);
        content.map_or_else(|error| json!(error.to_string()), |content| json!(content))
    }

    #[test]
    fn a_body_is_read_by_its_type() {
        for (kind, body, content) in [
            ("application/json", &b"{\"a\":1}"[..], json!({"kind": "json", "value": {"a": 1}})),
            ("Application/JSON; charset=utf-8", b"[]", json!({"kind": "json", "value": []})),
            ("application/vnd.api+json", b"1", json!({"kind": "json", "value": 1})),
            ("application/json", b"\xef\xbb\xbf2", json!({"kind": "json", "value": 2})),
            ("text/plain", "naïve".as_bytes(), json!({"kind": "text", "value": "naïve"})),
            ("text/html", b"<p>", json!({"kind": "text", "value": "<p>"})),
            ("application/x-ndjson", b"1\n\n{\"b\":2}\n", json!({"kind": "ndjson", "value": [1, {"b": 2}]})),
            ("text/csv", b"a,b\r\n1,2\n", json!({"kind": "csv", "value": [["a", "b"], ["1", "2"]]})),
            ("application/octet-stream", b"\x00\xff", json!({"kind": "bytes", "value": "AP8="})),
            ("", b"x", json!({"kind": "bytes", "value": "eA=="})),
        ] {
            assert_eq!(read(kind, body), content, "{kind}");
        }
    }

    #[test]
    fn what_is_not_its_type_is_refused() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        let deeper = "[".repeat(100_000);
        for (kind, body) in [
            ("application/json", &b"<html>"[..]),
            ("application/json", b""),
            ("application/json", b"\xff"),
            ("application/json", deep.as_bytes()),
            ("application/json", deeper.as_bytes()),
            ("application/x-ndjson", b"1\nno\n"),
            ("text/plain", b"\xc3"),
            ("text/csv", b"a,\"b\n"),
        ] {
            assert!(Content::read(Some(kind), body).is_err(), "{kind} {}", body.len());
        }
    }

    #[test]
    fn tables_as_rfc_4180_writes_them() {
        for (text, table) in [
            ("", json!([])),
            ("a", json!([["a"]])),
            ("a,", json!([["a", ""]])),
            ("a\n", json!([["a"]])),
            ("\"a,b\",\"c\"\"d\"\r\n\"e\nf\",g", json!([["a,b", "c\"d"], ["e\nf", "g"]])),
            (",\n,", json!([["", ""], ["", ""]])),
        ] {
            assert_eq!(json!(rows(text).unwrap()), table, "{text:?}");
        }
    }
}
