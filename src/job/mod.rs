//! What a job is: its id, the task spec it came from, its status, its record in Redis, its events, and how it is
//! accepted and read.
//!
//! In: a task spec. Out: records, lists, events. Invariants: this room decides what a job *is*, and how it waits and
//! who may write about it is `queue`'s; a task spec is checked in full before anything is stored; no answer holds a
//! secret.

mod cursor;
mod events;
mod id;
mod list;
mod read;
mod record;
mod sources;
mod spec;
mod status;
mod submit;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::{
    cursor::CursorError,
    events::{EventId, EventIdError, Follower, Told},
    id::{JobId, JobIdError, Shard},
    list::{Filter, ListError, Page},
    read::ReadError,
    record::{Beside, Job, RecordError, Rows},
    spec::{Fault, Options, TaskSpec},
    status::{Status, StatusError},
    submit::{Accepted, Refusal},
};
use crate::{
    broker::Broker,
    config::Config,
    platform::Registry,
    queue::{Queue, Submitter},
    secret::Sealer,
};

/// All jobs: what the API asks and tells. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    queue: Queue,
    submitter: Submitter,
    registry: Arc<Registry>,
    sealer: Sealer,
    max_depth: usize,
    max_log_lines: u32,
    hub: events::Hub,
}

impl Jobs {
    /// The jobs in `queue`. Must be called in a runtime.
    pub fn new(queue: Queue, registry: Arc<Registry>, sealer: Sealer, config: &Config) -> Self {
        let (hub, submitter) = (events::Hub::new(queue.clone()), Submitter::start(&queue));
        let (max_depth, max_log_lines) = (config.api.max_depth, config.jobs.max_log_lines);
        Self { queue, submitter, registry, sealer, max_depth, max_log_lines, hub }
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
