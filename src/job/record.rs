//! A job as it stands in its hash, and as the API shows it.
//!
//! Strict about what a field holds, tolerant about fields that are not there: the scripts leave out what says nothing.

use std::{collections::HashMap, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{JobId, Status};
use crate::{platform::Tag, secret};

/// Everything known of a job except its datasets and log. Serialises to what the API answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names of the API, documented in openapi.yaml")]
pub struct Job {
    pub job_id: JobId,
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    pub platform_id: String,
    pub pool: String,
    pub priority: u8,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    pub status: Status,
    pub progress: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Value>,
    pub lease: u64,
    pub attempt: u32,
    pub max_attempts: u32,
    pub crashes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sanjer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retried_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<String>,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// What lies beside the hash; shown only by a full read.
    #[serde(skip)]
    pub beside: Beside,
}

/// How much there is in the keys beside a job's hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Dataset `original`.
    pub original: Rows,
    /// Dataset `processed`.
    pub processed: Rows,
    /// Lines logged in all; the newest of them are kept.
    pub log_lines: u64,
}

/// Rows of a dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows there were.
    pub total: u64,
    /// Rows kept.
    pub kept: u64,
    /// Bytes kept.
    pub bytes: u64,
}

/// A field of a job's hash holds what cannot be there: somebody else's hand, or a fault of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the record of job {job} is damaged: field {field}")]
pub struct RecordError {
    job: JobId,
    field: &'static str,
}

impl RecordError {
    pub(super) fn new(job: JobId, field: &'static str) -> Self {
        Self { job, field }
    }
}

/// As `lua/report.lua` counts a dataset.
#[derive(Deserialize)]
struct Count {
    lease: u64,
    rows: u64,
    kept: u64,
    bytes: u64,
}

/// What a list reads of each job: neither settings nor what a platform may make large.
pub(super) const SUMMARY: [&str; 20] = [
    "_id",
    "platform_id",
    "pool",
    "priority",
    "status",
    "progress",
    "message",
    "lease",
    "attempt",
    "max_attempts",
    "crashes",
    "sanjer",
    "error",
    "options",
    "created_at",
    "queued_at",
    "due_at",
    "started_at",
    "finished_at",
    "expires_at",
];

impl Job {
    /// Reads the hash, or the part of it that `HMGET` brought.
    pub fn from_hash(job_id: JobId, hash: HashMap<String, String>) -> Result<Self, RecordError> {
        let mut fields = Fields { job: job_id, hash };
        let status: Status = fields.required("status")?;
        let lease = fields.required("lease")?;
        let mut settings = fields.json("settings")?;
        if let Some(settings) = &mut settings {
            secret::mask(settings);
        }
        let options = fields.json("options")?.unwrap_or_else(|| Value::Object(Map::new()));
        let job = Self {
            job_id,
            client_id: fields.text("_id"),
            platform_id: fields.required("platform_id")?,
            pool: fields.required("pool")?,
            priority: fields.optional("priority")?.unwrap_or(0),
            status,
            // One that never said how far it was is done all the same.
            progress: if status == Status::Succeeded { fields.progress()?.max(1.0) } else { fields.progress()? },
            message: fields.text("message"),
            metadata: fields.json("metadata")?,
            labels: labels_of(&options),
            options: Some(options),
            settings,
            lease,
            attempt: fields.required("attempt")?,
            max_attempts: fields.required("max_attempts")?,
            crashes: fields.optional("crashes")?.unwrap_or(0),
            sanjer: fields.text("sanjer").filter(|sanjer| !sanjer.is_empty()),
            result: fields.json("result")?,
            // What an earlier attempt failed with is history once a later one succeeded.
            error: fields.json("error")?.filter(|_| status != Status::Succeeded),
            certificate: fields.json("certificate")?,
            history: fields.lines("history")?,
            checkpoint: fields.checkpoint()?,
            retry_of: fields.text("retry_of"),
            retried_by: fields.text("retried_by"),
            cancel_requested_at: fields.time("cancel_requested_at")?,
            created_at: fields.time("created_at")?.ok_or(RecordError { job: job_id, field: "created_at" })?,
            queued_at: fields.time("queued_at")?,
            // The field stays when the time has come; then it says nothing any more.
            due_at: fields.time("due_at")?.filter(|_| status.is_delayed()),
            started_at: fields.time("started_at")?,
            finished_at: fields.time("finished_at")?,
            expires_at: fields.time("expires_at")?,
            beside: Beside {
                original: fields.rows(Tag::Original, lease)?,
                processed: fields.rows(Tag::Processed, lease)?,
                log_lines: fields.optional("log_lines")?.unwrap_or(0),
            },
        };
        Ok(job)
    }

    /// The same without what a list does not show.
    pub(super) fn summary(self) -> Self {
        Self { options: None, ..self }
    }
}

impl Beside {
    /// The rows of one dataset.
    pub fn rows(&self, tag: Tag) -> Rows {
        match tag {
            Tag::Original => self.original,
            Tag::Processed => self.processed,
        }
    }
}

fn labels_of(options: &Value) -> Vec<String> {
    let labels = options.get("labels").and_then(Value::as_array).into_iter().flatten();
    labels.filter_map(|label| label.as_str().map(str::to_owned)).collect()
}

/// The hash while it is being read.
struct Fields {
    job: JobId,
    hash: HashMap<String, String>,
}

impl Fields {
    fn text(&mut self, field: &'static str) -> Option<String> {
        self.hash.remove(field)
    }

    fn optional<T: FromStr>(&mut self, field: &'static str) -> Result<Option<T>, RecordError> {
        let damaged = RecordError { job: self.job, field };
        self.text(field).map(|text| text.parse()).transpose().map_err(|_| damaged)
    }

    fn required<T: FromStr>(&mut self, field: &'static str) -> Result<T, RecordError> {
        self.optional(field)?.ok_or(RecordError { job: self.job, field })
    }

    fn json(&mut self, field: &'static str) -> Result<Option<Value>, RecordError> {
        let damaged = RecordError { job: self.job, field };
        self.text(field).map(|text| serde_json::from_str(&text)).transpose().map_err(|_| damaged)
    }

    /// Without the counts of rows, which only `lua/report.lua` needs.
    fn checkpoint(&mut self) -> Result<Option<Value>, RecordError> {
        let mut about = self.json("checkpoint")?;
        if let Some(about) = about.as_mut().and_then(Value::as_object_mut) {
            for tag in [Tag::Original, Tag::Processed] {
                about.remove(tag.as_str());
            }
        }
        Ok(about)
    }

    /// A JSON text a line.
    fn lines(&mut self, field: &'static str) -> Result<Vec<Value>, RecordError> {
        let damaged = RecordError { job: self.job, field };
        let text = self.text(field).unwrap_or_default();
        text.lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(|_| damaged)
    }

    fn time(&mut self, field: &'static str) -> Result<Option<String>, RecordError> {
        let text = self.text(field).filter(|time| !time.is_empty());
        match &text {
            Some(time) if time.parse::<jiff::Timestamp>().is_err() => Err(RecordError { job: self.job, field }),
            _ => Ok(text),
        }
    }

    fn progress(&mut self) -> Result<f64, RecordError> {
        let progress = self.optional("progress")?.unwrap_or(0.0);
        if (0.0..=1.0).contains(&progress) {
            Ok(progress)
        } else {
            Err(RecordError { job: self.job, field: "progress" })
        }
    }

    /// Rows of an earlier lease are an earlier run's, which nobody shall take for this one's.
    fn rows(&mut self, tag: Tag, lease: u64) -> Result<Rows, RecordError> {
        let field = tag.as_str();
        let damaged = RecordError { job: self.job, field };
        let Some(text) = self.text(field) else { return Ok(Rows::default()) };
        let count: Count = serde_json::from_str(&text).map_err(|_| damaged)?;
        if count.lease != lease {
            return Ok(Rows::default());
        }
        Ok(Rows { total: count.rows, kept: count.kept, bytes: count.bytes })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::Shard;

    fn hash(more: &[(&str, &str)]) -> HashMap<String, String> {
        let smallest = [
            ("platform_id", "noop"),
            ("pool", "light"),
            ("status", "queued"),
            ("lease", "0"),
            ("attempt", "1"),
            ("max_attempts", "3"),
            ("created_at", "2026-11-20T22:00:00.120Z"),
        ];
        smallest.iter().chain(more).map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_left_out_mean_their_defaults() {
        let id = JobId::new(Shard(0));
        let job = Job::from_hash(id, hash(&[])).unwrap();
        let shown = json!({"job_id": id, "platform_id": "noop", "pool": "light", "priority": 0, "status": "queued",
            "progress": 0.0, "options": {}, "lease": 0, "attempt": 1, "max_attempts": 3, "crashes": 0,
            "created_at": "2026-11-20T22:00:00.120Z"});
        assert_eq!(serde_json::to_value(&job).unwrap(), shown);
        let labelled = Job::from_hash(id, hash(&[("options", r#"{"labels":["a","b"]}"#)])).unwrap().summary();
        assert_eq!((labelled.labels, labelled.options), (vec!["a".to_owned(), "b".to_owned()], None));
        let listed = serde_json::to_value(job.summary()).unwrap();
        assert!(listed.get("options").is_none() && listed.get("job_id").is_some());
    }

    #[test]
    fn what_is_past_is_not_shown() {
        let later = ("due_at", "2026-11-20T23:00:00.000Z");
        let error = ("error", r#"{"class":"transient","code":"io","message":"gone"}"#);
        for (status, due, failed) in
            [("scheduled", true, true), ("retrying", true, true), ("running", false, true), ("succeeded", false, false)]
        {
            let job = Job::from_hash(JobId::new(Shard(0)), hash(&[later, error, ("status", status)])).unwrap();
            assert_eq!((job.due_at.is_some(), job.error.is_some()), (due, failed), "{status}");
        }
    }

    #[test]
    fn rows_of_an_earlier_lease_are_not_shown() {
        let count = ("processed", r#"{"lease":2,"rows":5,"kept":4,"bytes":80}"#);
        let rows =
            |lease| Job::from_hash(JobId::new(Shard(0)), hash(&[("lease", lease), count])).unwrap().beside.processed;
        assert_eq!(rows("2"), Rows { total: 5, kept: 4, bytes: 80 });
        assert_eq!(rows("3"), Rows::default());
    }

    #[test]
    fn damage_is_named() {
        let job = JobId::new(Shard(0));
        for (field, value) in [
            ("status", "done"),
            ("lease", "-1"),
            ("attempt", "first"),
            ("priority", "300"),
            ("progress", "NaN"),
            ("progress", "1.5"),
            ("created_at", "yesterday"),
            ("metadata", "{"),
            ("processed", "[]"),
            ("history", "{}\n["),
            ("certificate", "signal 9"),
        ] {
            assert_eq!(Job::from_hash(job, hash(&[(field, value)])), Err(RecordError { job, field }), "{field}");
        }
        let mut short = hash(&[]);
        short.remove("pool");
        assert_eq!(Job::from_hash(job, short), Err(RecordError { job, field: "pool" }));
    }
}
