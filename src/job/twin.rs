//! A job that helps another: one more like it, made by the job itself.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{JobId, Jobs, Options, ReadError, RetryError, TaskSpec, again::options_of, submit::new_job};
use crate::queue::Submitted;

impl Jobs {
    /// Another job with the settings and options of this one, but for these settings. Asked for again under the same
    /// `name`, it is the one there is already.
    pub async fn twin(&self, of: JobId, name: &str, changes: Map<String, Value>) -> Result<JobId, RetryError> {
        let (record, stored) = self.stored(of).await?;
        let platform = self.registry.get(&record.platform_id).ok_or(RetryError::Unknown)?;
        let key = self.idempotency(&format!("{of}/{name}"), &[])?;
        let job_id = JobId::new(self.shard_of(&key));
        let mut settings = platform.rebind(stored, &self.sealer, of, job_id)?;
        if let Value::Object(settings) = &mut settings {
            settings.extend(changes);
        }
        let options = Options { run_at: None, delay_s: None, ..options_of(&record)? };
        let spec =
            TaskSpec { client_id: record.client_id, platform_id: record.platform_id, settings: Map::new(), options };
        let job = new_job(job_id, spec, platform, &settings, Timestamp::now());
        match self.queue.submit_once(job, Some(&key), None).await.map_err(ReadError::from)? {
            Submitted::Known { job_id, .. } => job_id.parse().map_err(|_| RetryError::Unknown),
            Submitted::New | Submitted::Refused { .. } => Ok(job_id),
        }
    }
}
