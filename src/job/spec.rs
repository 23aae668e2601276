//! The task spec: what a client posts. Parsed strictly; settings are checked by their platform.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What a client posts to `/execution/run`.
#[derive(Clone, Debug, Deserialize)]
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
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// 0 (default) to 9 (first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Not before this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<jiff::Timestamp>,
    /// Not before this many seconds have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<u64>,
    /// IANA time zone in which the settings' dates are meant; UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}
