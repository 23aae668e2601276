//! The task spec: what a client posts. Read strictly and to its end, so that a client learns of everything that is
//! wrong at once; settings are checked by their platform.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Options;

/// The longest `_id`, in characters.
const MAX_CLIENT_ID: usize = 200;
/// The members of a task spec.
const MEMBERS: [&str; 4] = ["_id", "platform_id", "settings", "options"];

/// What a client posts to `/execution/run`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// The client's own id for it; kept and given back, never interpreted. At most 200 characters.
    #[serde(rename = "_id", default)]
    pub client_id: Option<String>,
    /// Which platform shall execute it.
    pub platform_id: String,
    /// The platform's settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// How it shall be executed.
    #[serde(default)]
    pub options: Options,
}

/// One thing wrong with a task spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer into the task spec, empty for the whole.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl TaskSpec {
    /// Reads a body. What is wrong with it goes into `faults`, and what is wrong is left at its default; so the spec
    /// is whole only if there are none.
    pub fn read(body: Value, now: Timestamp, faults: &mut Vec<Fault>) -> Self {
        let mut spec = Self::default();
        let Value::Object(members) = body else {
            faults.push(Fault::new("", "a task spec is a JSON object"));
            return spec;
        };
        let has_platform = members.contains_key("platform_id");
        for (name, value) in members {
            match (name.as_str(), value) {
                ("_id", Value::String(id)) if is_client_id(&id) => spec.client_id = Some(id),
                ("_id", _) => faults
                    .push(Fault::new("/_id", "a text of 1 to 200 characters without control characters is expected")),
                ("platform_id", Value::String(id)) if !id.is_empty() => spec.platform_id = id,
                ("platform_id", _) => faults.push(Fault::new("/platform_id", "the id of a platform is expected")),
                ("settings", Value::Object(settings)) => spec.settings = settings,
                ("options", Value::Object(options)) => spec.options = Options::read(options, now, faults),
                (name @ ("settings" | "options"), _) => {
                    faults.push(Fault::new(format!("/{name}"), "an object is expected"));
                }
                (name, _) => faults.push(unknown("", name, "member", &MEMBERS)),
            }
        }
        if !has_platform {
            faults.push(Fault::new("/platform_id", "a task spec names its platform"));
        }
        spec
    }
}

pub(super) fn is_client_id(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAX_CLIENT_ID && !id.chars().any(char::is_control)
}

pub(super) fn unknown(parent: &str, name: &str, kind: &str, known: &[&str]) -> Fault {
    let pointer = format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"));
    Fault::new(pointer, format!("there is no such {kind}; there are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<TaskSpec, Vec<String>> {
        let mut faults = Vec::new();
        let spec = TaskSpec::read(body, now(), &mut faults);
        if faults.is_empty() { Ok(spec) } else { Err(faults.into_iter().map(|fault| fault.pointer).collect()) }
    }

    fn now() -> Timestamp {
        "2026-11-20T22:00:00Z".parse().unwrap()
    }

    #[test]
    fn bad_members_are_pointed_at_all_at_once() {
        for (body, pointers) in [
            (json!([]), &[""][..]),
            (json!({}), &["/platform_id"]),
            (json!({"platform_id": ""}), &["/platform_id"]),
            (json!({"platform_id": 1}), &["/platform_id"]),
            (json!({"platform_id": "noop", "_id": ""}), &["/_id"]),
            (json!({"platform_id": "noop", "_id": "a\u{0}b"}), &["/_id"]),
            (json!({"platform_id": "noop", "_id": "x".repeat(201)}), &["/_id"]),
            (json!({"platform_id": "noop", "settings": null}), &["/settings"]),
            (
                json!({"_id": 1, "settings": [], "options": {"x": 1}}),
                &["/_id", "/settings", "/options/x", "/platform_id"],
            ),
        ] {
            assert_eq!(read(body.clone()), Err(pointers.iter().map(|p| (*p).to_owned()).collect()), "{body}");
        }
        let spec = read(json!({"platform_id": "noop", "_id": "é".repeat(200)})).unwrap();
        assert_eq!(spec.options, Options::default());
    }
}
