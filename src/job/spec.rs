//! The task spec: what a client posts. Read strictly and to its end, so that a client learns of everything that is
//! wrong at once; settings are checked by their platform.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest `_id`, in characters.
const MAX_CLIENT_ID: usize = 200;
/// The highest priority.
const MAX_PRIORITY: u8 = 9;
/// How far ahead a job may be scheduled, in seconds: a year.
const MAX_DELAY_S: u64 = 365 * 24 * 3600;
/// The members of a task spec.
const MEMBERS: [&str; 4] = ["_id", "platform_id", "settings", "options"];
/// The options there are.
const OPTIONS: [&str; 4] = ["priority", "run_at", "delay_s", "time_zone"];

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

/// How a task spec shall be executed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// 0 (default) to 9 (first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Not before this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// Not before this many seconds have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<u64>,
    /// IANA time zone in which the settings' dates are meant; UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
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

impl Options {
    fn read(options: Map<String, Value>, now: Timestamp, faults: &mut Vec<Fault>) -> Self {
        let mut read = Self::default();
        let both = options.contains_key("run_at") && options.contains_key("delay_s");
        for (name, value) in options {
            let outcome = match name.as_str() {
                "priority" => priority(&value).map(|priority| read.priority = Some(priority)),
                "run_at" => run_at(&value, now).map(|time| read.run_at = Some(time)),
                "delay_s" => delay(&value).map(|seconds| read.delay_s = Some(seconds)),
                "time_zone" => time_zone(&value).map(|name| read.time_zone = Some(name)),
                _ => {
                    faults.push(unknown("/options", &name, "option", &OPTIONS));
                    continue;
                }
            };
            if let Err(detail) = outcome {
                faults.push(Fault::new(format!("/options/{name}"), detail));
            }
        }
        if both {
            faults.push(Fault::new("/options/delay_s", "either run_at or delay_s, not both"));
        }
        read
    }

    /// How long the job waits from `now` on.
    pub fn delay(&self, now: Timestamp) -> Duration {
        match (self.run_at, self.delay_s) {
            // A time that has passed means now.
            (Some(time), _) => Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO),
            (None, Some(seconds)) => Duration::from_secs(seconds),
            (None, None) => Duration::ZERO,
        }
    }

    /// The time zone in which the settings' dates are meant.
    pub fn zone(&self) -> TimeZone {
        self.time_zone.as_ref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
    }
}

fn is_client_id(id: &str) -> bool {
    !id.is_empty() && id.chars().count() <= MAX_CLIENT_ID && !id.chars().any(char::is_control)
}

fn priority(value: &Value) -> Result<u8, &'static str> {
    let priority = value.as_u64().and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= MAX_PRIORITY);
    priority.ok_or("an integer from 0 to 9 is expected")
}

fn run_at(value: &Value, now: Timestamp) -> Result<Timestamp, &'static str> {
    let time: Timestamp = value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or("a time with its offset is expected, like 2026-01-31T08:00:00+01:00")?;
    let ahead = Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
    if ahead.as_secs() > MAX_DELAY_S { Err("at most a year ahead") } else { Ok(time) }
}

fn delay(value: &Value) -> Result<u64, &'static str> {
    let seconds = value.as_u64().filter(|seconds| *seconds <= MAX_DELAY_S);
    seconds.ok_or("an integer from 0 to 31536000 (a year) is expected")
}

fn time_zone(value: &Value) -> Result<String, &'static str> {
    let name = value.as_str().filter(|name| TimeZone::get(name).is_ok());
    name.map(str::to_owned).ok_or("the IANA name of a time zone is expected, like Europe/Vienna")
}

fn unknown(parent: &str, name: &str, kind: &str, known: &[&str]) -> Fault {
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
    fn good_options_are_read() {
        for (options, delay_ms) in [
            (json!({}), 0),
            (json!({"priority": 0}), 0),
            (json!({"priority": 9, "time_zone": "Europe/Vienna"}), 0),
            (json!({"delay_s": 0}), 0),
            (json!({"delay_s": 31_536_000}), 31_536_000_000),
            (json!({"run_at": "2026-11-20T22:00:01.5Z"}), 1500),
            (json!({"run_at": "2026-11-20T23:00:10+01:00"}), 10_000),
            (json!({"run_at": "1999-01-01T00:00:00Z"}), 0),
        ] {
            let spec = read(json!({"platform_id": "noop", "options": options})).unwrap();
            assert_eq!(spec.options.delay(now()).as_millis(), delay_ms, "{options}");
        }
    }

    #[test]
    fn bad_options_are_pointed_at() {
        for (options, pointer) in [
            (json!({"priority": 10}), "/options/priority"),
            (json!({"priority": -1}), "/options/priority"),
            (json!({"priority": 1.5}), "/options/priority"),
            (json!({"priority": "1"}), "/options/priority"),
            (json!({"priority": null}), "/options/priority"),
            (json!({"run_at": "tomorrow"}), "/options/run_at"),
            (json!({"run_at": "2026-11-21T08:00:00"}), "/options/run_at"),
            (json!({"run_at": "2028-01-01T00:00:00Z"}), "/options/run_at"),
            (json!({"run_at": 1_800_000_000}), "/options/run_at"),
            (json!({"delay_s": 31_536_001}), "/options/delay_s"),
            (json!({"delay_s": 0.5}), "/options/delay_s"),
            (json!({"delay_s": 1, "run_at": "2026-11-21T08:00:00Z"}), "/options/delay_s"),
            (json!({"time_zone": "Middle/Earth"}), "/options/time_zone"),
            (json!({"time_zone": ""}), "/options/time_zone"),
            (json!({"tag/~": 1}), "/options/tag~1~0"),
        ] {
            assert_eq!(
                read(json!({"platform_id": "noop", "options": options})),
                Err(vec![pointer.into()]),
                "{options}"
            );
        }
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
