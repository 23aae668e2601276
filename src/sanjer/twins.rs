//! Jobs that running jobs ask for.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::{
    config::Config,
    job::{JobId, Jobs},
    platform::{Failure, Registry, Result},
    queue::Queue,
    secret::Sealer,
};

/// Makes them. What it takes to submit a job is made when the first one is asked for: few platforms ever do.
pub(super) struct Twins {
    pub(super) queue: Arc<OnceLock<Queue>>,
    pub(super) registry: Arc<Registry>,
    pub(super) sealer: Sealer,
    pub(super) config: Config,
    pub(super) jobs: OnceCell<Jobs>,
}

impl Twins {
    /// Another job like `of`, but for these settings.
    pub(super) async fn make(&self, of: JobId, name: &str, changes: Map<String, Value>) -> Result<JobId> {
        let no_redis = || Failure::transient("no_redis", "there is no Redis to submit a job to");
        let queue = self.queue.get().ok_or_else(no_redis)?;
        let start = || async { Jobs::new(queue.clone(), self.registry.clone(), self.sealer.clone(), &self.config) };
        let twin = self.jobs.get_or_init(start).await.twin(of, name, changes).await;
        twin.map_err(|error| Failure::transient("not_submitted", error.to_string()))
    }
}
