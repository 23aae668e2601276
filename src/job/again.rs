//! What people do about a job: cancel it, or run it again.
//!
//! A terminal status is final, so what runs again is a new job, linked to the old one; and only one does, however often
//! somebody asks.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Accepted, Fault, Job, JobId, Jobs, Options, ReadError, RecordError, Refusal, Status, TaskSpec,
    submit::{new_job, unknown_platform},
};
use crate::{broker::BrokerError, queue::Submitted, secret::SealError};

/// Why a job was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is no such job.
    #[error("there is no such job")]
    Unknown,
    /// It has ended otherwise.
    #[error("it has ended: {0}")]
    Ended(Status),
    /// Redis did not take it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Why a job is not run again. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// There is no such job.
    #[error("there is no such job")]
    Unknown,
    /// It has not ended without success.
    #[error("it stands at {0}; a job that failed, timed_out, was cancelled or is dead can be run again")]
    Status(Status),
    /// Another job runs it again.
    #[error("job {0} runs it again")]
    Before(String),
    /// What is to be changed about it is wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its secrets cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Jobs {
    /// Cancels a job: one that waits at once, one that runs by having its sanjer stop it. Returns where it stands now:
    /// `Cancelled`, or `Running` while it is being stopped.
    pub async fn cancel(&self, id: JobId) -> Result<Status, CancelError> {
        match self.queue.cancel(id).await?.ok_or(CancelError::Unknown)? {
            status @ (Status::Cancelled | Status::Running) => Ok(status),
            status => Err(CancelError::Ended(status)),
        }
    }

    /// Runs a job again, as a new one: with the same settings, or with those that `edits` (`{settings?, options?}`, or
    /// nothing) brings.
    pub async fn retry(&self, old: JobId, edits: &[u8]) -> Result<Accepted, RetryError> {
        let edits = self.edits(edits)?;
        let (record, stored) = self.stored(old).await?;
        let now = Timestamp::now();
        let mut faults = edits.faults;
        let platform = self.registry.get(&record.platform_id);
        let platform = platform.ok_or_else(|| Refusal::Invalid(vec![unknown_platform(&self.registry)]))?;
        let options = match edits.options {
            Some(options) => Options::read(options, now, &mut faults),
            // When it was to run is past.
            None => Options { run_at: None, delay_s: None, ..options_of(&record)? },
        };
        let job_id = JobId::new(old.shard());
        let settings = match edits.settings {
            Some(edited) => {
                let mut edited = Value::Object(edited);
                platform.unmask(&mut edited, &stored, &self.sealer, old)?;
                self.accept_settings(platform, &edited, &options, job_id, now, &mut faults)
            }
            None => Some(platform.rebind(stored, &self.sealer, old, job_id)?),
        };
        self.check_options(platform, settings.as_ref().unwrap_or(&Value::Null), &options, &mut faults);
        let Some(settings) = settings.filter(|_| faults.is_empty()) else {
            return Err(Refusal::Invalid(faults).into());
        };
        let spec =
            TaskSpec { client_id: record.client_id, platform_id: record.platform_id, settings: Map::new(), options };
        let job = new_job(job_id, spec, platform, &settings, now);
        match self.queue.submit_once(job, None, Some(old)).await.map_err(ReadError::from)? {
            Submitted::New | Submitted::Known { .. } => Ok(Accepted { job_id, replayed: false }),
            Submitted::Refused { retried_by: Some(by), .. } => Err(RetryError::Before(by)),
            Submitted::Refused { status: Some(status), .. } => Err(RetryError::Status(status)),
            Submitted::Refused { status: None, .. } => Err(RetryError::Unknown),
        }
    }

    /// A job and its settings as they are stored: dates resolved, secrets sealed.
    async fn stored(&self, id: JobId) -> Result<(Job, Value), RetryError> {
        let hash = self.hash(id).await?.ok_or(RetryError::Unknown)?;
        // The record shows them masked.
        let stored = hash.get("settings").ok_or(RetryError::Unknown)?;
        let damaged = |_| ReadError::from(RecordError::new(id, "settings"));
        let stored = serde_json::from_str(stored).map_err(damaged)?;
        Ok((Job::from_hash(id, hash).map_err(ReadError::from)?, stored))
    }

    fn edits(&self, body: &[u8]) -> Result<Edits, Refusal> {
        let mut edits = Edits::default();
        if body.is_empty() {
            return Ok(edits);
        }
        let Value::Object(members) = self.parse(body)? else {
            return Err(Refusal::Invalid(vec![Fault::new("", "an object with settings or options is expected")]));
        };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("settings", Value::Object(settings)) => edits.settings = Some(settings),
                ("options", Value::Object(options)) => edits.options = Some(options),
                ("settings" | "options", _) => {
                    edits.faults.push(Fault::new(format!("/{name}"), "an object is expected"));
                }
                _ => edits.faults.push(super::spec::unknown("", &name, "member", &["settings", "options"])),
            }
        }
        Ok(edits)
    }
}

/// What shall be different about a job that is run again.
#[derive(Default)]
struct Edits {
    settings: Option<Map<String, Value>>,
    options: Option<Map<String, Value>>,
    faults: Vec<Fault>,
}

fn options_of(record: &Job) -> Result<Options, ReadError> {
    let stored = record.options.clone().unwrap_or_default();
    serde_json::from_value(stored).map_err(|_| RecordError::new(record.job_id, "options").into())
}
