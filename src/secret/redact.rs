//! Takes known secrets out of text that leaves a job: logs, messages, what a dying process said.

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
            let quoted = serde_json::Value::String(secret.clone()).to_string();
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
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("values", &self.values.len()).finish()
    }
}
