//! How running jobs get helpers: jobs like themselves, submitted from here.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::{
    config::Config,
    job::{JobId, Jobs},
    platform::{Failure, Registry, Result, Twins},
    queue::Queue,
    secret::Sealer,
};

/// What it takes to submit a job; put together when the first one is asked for, as few platforms ever do.
pub(super) struct Submission {
    pub(super) queue: Arc<OnceLock<Queue>>,
    pub(super) registry: Arc<Registry>,
    pub(super) sealer: Sealer,
    pub(super) config: Config,
    pub(super) jobs: OnceCell<Jobs>,
}

impl Twins for Submission {
    fn make<'a>(&'a self, of: JobId, name: &'a str, changes: Map<String, Value>) -> BoxFuture<'a, Result<JobId>> {
        Box::pin(async move {
            let no_redis = || Failure::transient("no_redis", "there is no Redis to submit a job to");
            let queue = self.queue.get().ok_or_else(no_redis)?;
            let start = || async { Jobs::new(queue.clone(), self.registry.clone(), self.sealer.clone(), &self.config) };
            let twin = self.jobs.get_or_init(start).await.twin(of, name, changes).await;
            twin.map_err(|error| Failure::transient("not_submitted", error.to_string()))
        })
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").finish_non_exhaustive()
    }
}
