//! The options of a task spec: when and how its job is executed, whatever its platform.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Fault, spec::unknown};
use crate::platform::Backoff;

/// The highest priority.
pub const MAX_PRIORITY: u8 = 9;
/// The most attempts a job may be given.
const MAX_ATTEMPTS: u64 = 100;
const DAY_S: u64 = 24 * 3600;
/// How far ahead a job may be scheduled, and how long it may wait.
const YEAR_S: u64 = 365 * DAY_S;
/// The most memory that can be asked about: a TiB.
const MAX_MIB: u64 = 1 << 20;

/// The most labels a job may have, and the longest one.
const MAX_LABELS: usize = 8;
const MAX_LABEL: usize = 64;

/// The options there are.
const OPTIONS: [&str; 14] = [
    "priority",
    "run_at",
    "delay_s",
    "time_zone",
    "timeout_s",
    "queue_ttl_s",
    "cancel_grace_s",
    "max_attempts",
    "base_s",
    "cap_s",
    "max_rss_mb",
    "max_cpu_s",
    "retention_s",
    "labels",
];

/// How a task spec shall be executed. What is absent is as its platform or the configuration says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// 0 (default) to 9 (first).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Not before this time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// Not before this many seconds have passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<u64>,
    /// IANA time zone in which the settings' dates are meant; UTC if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The longest one run may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
    /// The longest it may wait, from when it may run on, before it is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_ttl_s: Option<u64>,
    /// How long a run that is told to stop may take to do so before it is stopped by force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_grace_s: Option<u64>,
    /// Runs in all before a transient failure becomes final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Upper bound of the wait after the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_s: Option<u64>,
    /// Upper bound of every wait between attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_s: Option<u64>,
    /// The most resident memory its process may have, in MiB; in pools of one slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rss_mb: Option<u64>,
    /// The most processor time a run may use; in pools of one slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cpu_s: Option<u64>,
    /// How long the job can be read after its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_s: Option<u64>,
    /// What the job can be found by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

impl Options {
    /// Reads the member `options` of a task spec. What is wrong goes into `faults` and is left out.
    pub(super) fn read(options: Map<String, Value>, now: Timestamp, faults: &mut Vec<Fault>) -> Self {
        let mut read = Self::default();
        let both = options.contains_key("run_at") && options.contains_key("delay_s");
        for (name, value) in options {
            if let Err(detail) = read.set(&name, &value, now) {
                faults.push(match detail {
                    Some(detail) => Fault::new(format!("/options/{name}"), detail),
                    None => unknown("/options", &name, "option", &OPTIONS),
                });
            }
        }
        if both {
            faults.push(Fault::new("/options/delay_s", "either run_at or delay_s, not both"));
        }
        read
    }

    /// Sets one option; what is wrong with its value, or nothing if there is no such option.
    fn set(&mut self, name: &str, value: &Value, now: Timestamp) -> Result<(), Option<String>> {
        match name {
            "priority" => self.priority = Some(small(whole(value, 0, MAX_PRIORITY.into())?)),
            "run_at" => self.run_at = Some(run_at(value, now)?),
            "delay_s" => self.delay_s = Some(whole(value, 0, YEAR_S)?),
            "time_zone" => self.time_zone = Some(time_zone(value)?),
            "timeout_s" => self.timeout_s = Some(whole(value, 1, 7 * DAY_S)?),
            "queue_ttl_s" => self.queue_ttl_s = Some(whole(value, 1, YEAR_S)?),
            "cancel_grace_s" => self.cancel_grace_s = Some(whole(value, 0, DAY_S)?),
            "max_attempts" => self.max_attempts = Some(small(whole(value, 1, MAX_ATTEMPTS)?)),
            "base_s" => self.base_s = Some(whole(value, 0, DAY_S)?),
            "cap_s" => self.cap_s = Some(whole(value, 0, 7 * DAY_S)?),
            "max_rss_mb" => self.max_rss_mb = Some(whole(value, 1, MAX_MIB)?),
            "max_cpu_s" => self.max_cpu_s = Some(whole(value, 1, 7 * DAY_S)?),
            "retention_s" => self.retention_s = Some(whole(value, 1, 10 * YEAR_S)?),
            "labels" => self.labels = labels(value)?,
            _ => return Err(None),
        }
        Ok(())
    }

    /// As it is kept on the job.
    pub fn to_json(&self) -> String {
        // Numbers and texts: writing them cannot fail.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
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

    /// A platform's backoff, with what these options say about it.
    pub fn backoff(&self, platform: Backoff) -> Backoff {
        Backoff {
            base: self.base_s.map_or(platform.base, Duration::from_secs),
            cap: self.cap_s.map_or(platform.cap, Duration::from_secs),
        }
    }

    /// The option, if any, that only a process with one job at a time can keep.
    pub fn needs_own_process(&self) -> Option<&'static str> {
        self.max_rss_mb.map(|_| "max_rss_mb").or(self.max_cpu_s.map(|_| "max_cpu_s"))
    }
}

fn whole(value: &Value, least: u64, most: u64) -> Result<u64, String> {
    let number = value.as_u64().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("an integer from {least} to {most} is expected"))
}

/// A number whose bound was checked.
fn small<T: TryFrom<u64> + Default>(number: u64) -> T {
    T::try_from(number).unwrap_or_default()
}

/// The characters are none that JSON escapes: `lua/indexes.lua` reads labels without a parser.
pub(super) fn is_label(label: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    label.len() <= MAX_LABEL
        && label.bytes().next().is_some_and(is_word)
        && label.bytes().all(|b| is_word(b) || b"_.:=/-".contains(&b))
}

fn labels(value: &Value) -> Result<Vec<String>, String> {
    let detail =
        "at most 8 different labels are expected, each 1 to 64 of a-z 0-9 _ . : = / -, the first a letter or a digit";
    let read = || {
        let items = value.as_array().filter(|items| items.len() <= MAX_LABELS)?;
        let mut labels: Vec<String> = Vec::with_capacity(items.len());
        for label in items {
            let label = label.as_str().filter(|label| is_label(label) && !labels.iter().any(|known| known == label))?;
            labels.push(label.to_owned());
        }
        Some(labels)
    };
    read().ok_or_else(|| detail.to_owned())
}

fn run_at(value: &Value, now: Timestamp) -> Result<Timestamp, String> {
    let time: Timestamp = value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or("a time with its offset is expected, like 2026-01-31T08:00:00+01:00")?;
    let ahead = Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
    if ahead.as_secs() > YEAR_S { Err("at most a year ahead".into()) } else { Ok(time) }
}

fn time_zone(value: &Value) -> Result<String, String> {
    let name = value.as_str().filter(|name| TimeZone::get(name).is_ok());
    name.map(str::to_owned).ok_or_else(|| "the IANA name of a time zone is expected, like Europe/Vienna".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(options: &Value) -> Result<Options, Vec<String>> {
        let mut faults = Vec::new();
        let options = Options::read(options.as_object().cloned().unwrap(), now(), &mut faults);
        if faults.is_empty() { Ok(options) } else { Err(faults.into_iter().map(|fault| fault.pointer).collect()) }
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
            assert_eq!(read(&options).unwrap().delay(now()).as_millis(), delay_ms, "{options}");
        }
    }

    #[test]
    fn every_option_is_kept_as_it_was_read() {
        let all = json!({"priority": 3, "delay_s": 1, "time_zone": "UTC", "timeout_s": 5, "queue_ttl_s": 6,
            "cancel_grace_s": 0, "max_attempts": 7, "base_s": 0, "cap_s": 8, "max_rss_mb": 9, "max_cpu_s": 10,
            "retention_s": 11, "labels": ["nightly", "team:data/eu-1=x_.y"]});
        let options = read(&all).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&options.to_json()).unwrap(), all);
        assert_eq!(serde_json::from_str::<Options>(&options.to_json()).unwrap(), options);
        let platform = Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) };
        let backoff = options.backoff(platform);
        assert_eq!((backoff.base.as_secs(), backoff.cap.as_secs()), (0, 8));
        assert_eq!(Options::default().backoff(platform), platform);
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
            (json!({"timeout_s": 0}), "/options/timeout_s"),
            (json!({"timeout_s": 604_801}), "/options/timeout_s"),
            (json!({"queue_ttl_s": 0}), "/options/queue_ttl_s"),
            (json!({"cancel_grace_s": -1}), "/options/cancel_grace_s"),
            (json!({"max_attempts": 0}), "/options/max_attempts"),
            (json!({"max_attempts": 101}), "/options/max_attempts"),
            (json!({"base_s": "1"}), "/options/base_s"),
            (json!({"cap_s": 1e9}), "/options/cap_s"),
            (json!({"max_rss_mb": 0}), "/options/max_rss_mb"),
            (json!({"max_cpu_s": true}), "/options/max_cpu_s"),
            (json!({"retention_s": 0}), "/options/retention_s"),
            (json!({"labels": "a"}), "/options/labels"),
            (json!({"labels": [1]}), "/options/labels"),
            (json!({"labels": [""]}), "/options/labels"),
            (json!({"labels": ["a", "a"]}), "/options/labels"),
            (json!({"labels": ["A"]}), "/options/labels"),
            (json!({"labels": ["-a"]}), "/options/labels"),
            (json!({"labels": ["a\"]"]}), "/options/labels"),
            (json!({"labels": ["a\u{0}"]}), "/options/labels"),
            (json!({"labels": ["a".repeat(65)]}), "/options/labels"),
            (json!({"labels": ["1", "2", "3", "4", "5", "6", "7", "8", "9"]}), "/options/labels"),
            (json!({"tag/~": 1}), "/options/tag~1~0"),
        ] {
            assert_eq!(read(&options), Err(vec![pointer.into()]), "{options}");
        }
    }
}
