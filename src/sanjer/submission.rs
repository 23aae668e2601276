//! How running jobs get other jobs: helpers like themselves, and what a request needs.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use crate::{
    bulk,
    config::Config,
    job::{JobId, Jobs},
    platform::{Failure, Registry, Result, Twins},
    queue::Queue,
    requests::{Door, Requests},
    secret::Sealer,
};

/// When a job tries again whose store of requests could not be reached.
const PATIENCE: Duration = Duration::from_secs(2);

/// What it takes to submit a job; put together when the first one is asked for, as few platforms ever do.
pub(super) struct Submission {
    pub(super) queue: Arc<OnceLock<Queue>>,
    pub(super) registry: Arc<Registry>,
    pub(super) sealer: Sealer,
    pub(super) config: Config,
    pub(super) jobs: OnceCell<Jobs>,
}

impl Submission {
    async fn jobs(&self) -> Result<&Jobs> {
        let no_redis = || Failure::transient("no_redis", "there is no Redis to submit a job to");
        let queue = self.queue.get().ok_or_else(no_redis)?;
        let start = || async { Jobs::new(queue.clone(), self.registry.clone(), self.sealer.clone(), &self.config) };
        Ok(self.jobs.get_or_init(start).await)
    }

    /// How a platform comes to all jobs.
    pub(super) fn all_jobs(self: &Arc<Self>) -> bulk::Door {
        let submission = Arc::clone(self);
        bulk::Door::new(move || {
            let submission = Arc::clone(&submission);
            Box::pin(async move { submission.jobs().await.cloned() })
        })
    }

    /// How platforms come to the requests.
    pub(super) fn door(self: &Arc<Self>) -> Door {
        let submission = Arc::clone(self);
        Door::new(move || {
            let submission = Arc::clone(&submission);
            Box::pin(async move {
                let jobs = submission.jobs().await?.clone();
                let opened = Requests::open(jobs, &submission.config).await;
                opened.map_err(|error| Failure::snooze(PATIENCE, error.to_string()))
            })
        })
    }
}

impl Twins for Submission {
    fn make<'a>(&'a self, of: JobId, name: &'a str, changes: Map<String, Value>) -> BoxFuture<'a, Result<JobId>> {
        Box::pin(async move {
            let twin = self.jobs().await?.twin(of, name, changes).await;
            twin.map_err(|error| Failure::transient("not_submitted", error.to_string()))
        })
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").finish_non_exhaustive()
    }
}
