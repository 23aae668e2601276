//! Jobs that the collector itself needs, under ids that it wrote down before: whoever keeps a record of work names the
//! job there first, and then starts it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Fault, JobId, Jobs, Options, ReadError, Refusal, Status, TaskSpec, submit::new_job};
use crate::queue::keys;

impl Jobs {
    /// An id for a job that is to be started.
    pub fn next_id(&self) -> JobId {
        JobId::new(self.queue.any_shard())
    }

    /// Starts a job under an id that no job had before.
    pub async fn start(
        &self,
        id: JobId,
        platform_id: &str,
        settings: Map<String, Value>,
        options: Options,
    ) -> Result<(), Refusal> {
        let now = Timestamp::now();
        let mut faults = Vec::new();
        let unknown = || Refusal::Invalid(vec![super::submit::unknown_platform(&self.registry)]);
        let platform = self.registry.get(platform_id).ok_or_else(unknown)?;
        let posted = Value::Object(settings);
        let settings = self.accept_settings(platform, &posted, &options, id, now, &mut faults);
        let Some(settings) = settings.filter(|_: &Value| Vec::<Fault>::is_empty(&faults)) else {
            return Err(Refusal::Invalid(faults));
        };
        let spec = TaskSpec { client_id: None, platform_id: platform_id.to_owned(), settings: Map::new(), options };
        self.submitter.submit(new_job(id, spec, platform, &settings, now)).await?;
        Ok(())
    }

    /// Whether there is a job with this id that has not ended.
    pub async fn is_open(&self, id: JobId) -> Result<bool, ReadError> {
        let status: Option<String> = self.broker().query(redis::cmd("HGET").arg(keys::job(id)).arg("status")).await?;
        Ok(status.and_then(|status| status.parse::<Status>().ok()).is_some_and(|status| !status.is_terminal()))
    }

    /// A keyed hash, in hexadecimal: the same on all hosts that share the key for secrets, and on no other.
    pub fn keyed_hash(&self, bytes: &[u8]) -> String {
        self.sealer.keyed_hash(bytes)
    }
}
