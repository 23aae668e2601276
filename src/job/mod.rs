//! What a job is: its id, the task spec it came from, its status, its record in Redis, its events, and how it is
//! accepted and read.
//!
//! In: a task spec. Out: records, lists, events. Invariants: this room decides what a job *is*, and how it waits and
//! who may write about it is `queue`'s; a task spec is checked in full before anything is stored; no answer holds a
//! secret.

mod again;
mod check;
mod cursor;
mod events;
mod failures;
mod filter;
#[cfg(test)]
mod finding_tests;
mod id;
mod list;
mod options;
mod plan;
mod read;
mod record;
mod search;
mod sources;
mod spec;
mod start;
mod status;
mod submit;
#[cfg(test)]
mod tests;
mod twin;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub use self::{
    again::{CancelError, RetryError},
    check::Checked,
    cursor::CursorError,
    events::{EventId, EventIdError, Follower, Told},
    failures::{Failures, Group},
    filter::{Filter, FilterError},
    id::{JobId, JobIdError, Shard},
    list::{ListError, Page, Total},
    options::{MAX_PRIORITY, Options},
    read::ReadError,
    record::{Beside, Job, RecordError, Rows},
    search::{Hit, Kind},
    spec::{Fault, TaskSpec},
    status::{Status, StatusError},
    submit::{Accepted, Refusal},
};
use crate::{
    broker::Broker,
    config::{Config, PoolSize},
    platform::Registry,
    queue::{Queue, Submitter},
    secret::Sealer,
};

/// What the configuration allows jobs.
#[derive(Clone)]
struct Limits {
    max_depth: usize,
    max_log_lines: u32,
    pools: BTreeMap<String, PoolSize>,
    max_cancel_grace: Duration,
}

/// All jobs: what the API asks and tells. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    queue: Queue,
    submitter: Submitter,
    registry: Arc<Registry>,
    sealer: Sealer,
    limits: Limits,
    hub: events::Hub,
}

impl Jobs {
    /// The jobs in `queue`. Must be called in a runtime.
    pub fn new(queue: Queue, registry: Arc<Registry>, sealer: Sealer, config: &Config) -> Self {
        let (hub, submitter) = (events::Hub::new(queue.clone()), Submitter::start(&queue));
        let limits = Limits {
            max_depth: config.api.max_depth,
            max_log_lines: config.jobs.max_log_lines,
            pools: config.sanjers.pools.clone(),
            max_cancel_grace: config.sanjers.max_cancel_grace.0,
        };
        Self { queue, submitter, registry, sealer, limits, hub }
    }

    /// Where they wait.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    fn broker(&self) -> &Broker {
        self.queue.broker()
    }

    /// What can execute them.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("queue", &self.queue).finish_non_exhaustive()
    }
}
