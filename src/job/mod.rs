//! What a job is: its id, the task spec it came from, its status, its record in Redis, its events, and how it is
//! accepted and read.
//!
//! In: a task spec. Out: records, lists, events. Invariants: this room decides what a job *is*, and how it waits and
//! who may write about it is `queue`'s; a task spec is checked in full before anything is stored; no answer holds a
//! secret.

mod events;
mod id;
mod list;
mod read;
mod record;
mod spec;
mod status;
mod submit;

use std::sync::Arc;

pub use self::{
    events::{EventId, EventIdError, Follower, Told},
    id::{JobId, JobIdError, Shard},
    list::{CursorError, Filter, ListError, Page},
    spec::{Fault, Options, TaskSpec},
    status::{Status, StatusError},
    submit::{Accepted, Refusal},
};
use crate::{config::Config, platform::Registry, queue::Queue, secret::Sealer};

/// All jobs: what the API asks and tells. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    queue: Queue,
    registry: Arc<Registry>,
    sealer: Sealer,
    max_depth: usize,
    hub: events::Hub,
}

impl Jobs {
    /// The jobs in `queue`.
    pub fn new(queue: Queue, registry: Arc<Registry>, sealer: Sealer, config: &Config) -> Self {
        let hub = events::Hub::new(queue.clone());
        Self { queue, registry, sealer, max_depth: config.api.max_depth, hub }
    }

    /// Where they wait.
    pub fn queue(&self) -> &Queue {
        &self.queue
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
