//! Takes known secrets out of text that leaves a job: logs, messages, what a dying process said.

use serde_json::Value;

use super::MASK;

/// Shorter values stand in ordinary text by chance; replacing them would only garble it and tell the value.
const SHORTEST: usize = 4;

/// Replaces known secret values by [`MASK`].
#[derive(Clone, Default)]
pub struct Redactor {
    /// The values and their JSON-escaped forms, the longest first: one may be part of another.
    values: Vec<String>,
}

impl Redactor {
    /// Knows these values; those of less than 4 characters are left alone.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut values = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.chars().count() >= SHORTEST) {
            let quoted = Value::String(secret.clone()).to_string();
            values.extend(quoted.get(1..quoted.len() - 1).map(str::to_owned));
            values.push(secret);
        }
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values }
    }

    /// The text without them.
    pub fn redact(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, value| text.replace(value, MASK))
    }

    /// The JSON text without them, still JSON: only strings and names of members are searched, and a number that is one of
    /// them becomes the mask.
    pub fn redact_json(&self, json: &str) -> String {
        if !self.values.iter().any(|value| json.contains(value)) {
            return json.to_owned();
        }
        match serde_json::from_str(json) {
            Ok(value) => self.redact_value(value).to_string(),
            Err(_) => self.redact(json),
        }
    }

    /// The same of a value.
    pub fn redact_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.redact(&text).into(),
            Value::Number(number) if self.values.contains(&number.to_string()) => MASK.into(),
            Value::Array(items) => items.into_iter().map(|item| self.redact_value(item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| (self.redact(&name), self.redact_value(value))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("values", &self.values.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_without_secrets_is_json() {
        let redactor = Redactor::new(["1234", "true", "null", "he said \"x\"", "class"].map(str::to_owned));
        for (before, after) in [
            (json!({"slept_ms": 1234}), json!({"slept_ms": MASK})),
            (json!({"slept_ms": 12345, "ok": true, "not": null}), json!({"slept_ms": 12345, "ok": true, "not": null})),
            (json!(["a 1234 b", "true"]), json!([format!("a {MASK} b"), MASK])),
            (json!({"class": {"1234": "he said \"x\"."}}), json!({MASK: {MASK: format!("{MASK}.")}})),
            (json!("nothing"), json!("nothing")),
        ] {
            assert_eq!(redactor.redact_json(&before.to_string()), after.to_string());
        }
        assert_eq!(redactor.redact_json("no JSON: 1234"), format!("no JSON: {MASK}"));
    }
}
