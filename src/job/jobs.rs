//! Everything that accepts and reads jobs, in one handle.

use std::{fmt, sync::Arc};

use super::hub::Hub;
use crate::{
    broker::Broker,
    config::Config,
    platform::Registry,
    queue::Queue,
    secret::Sealer,
};

/// Accepts jobs, reads, lists and follows them. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) queue: Queue,
    pub(super) registry: Arc<Registry>,
    pub(super) sealer: Sealer,
    pub(super) hub: Hub,
    pub(super) max_log_lines: u32,
    pub(super) max_events: u32,
}

impl Jobs {
    /// Jobs of this queue, for these platforms.
    pub fn new(queue: Queue, registry: Arc<Registry>, sealer: Sealer, config: &Config) -> Self {
        let hub = Hub::new(queue.broker().clone(), queue.shards());
        let (max_log_lines, max_events) = (config.jobs.max_log_lines, config.jobs.max_events);
        Self { inner: Arc::new(Inner { queue, registry, sealer, hub, max_log_lines, max_events }) }
    }

    /// The queue below.
    pub fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    /// The platforms there are.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(super) fn broker(&self) -> &Broker {
        self.inner.queue.broker()
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The sealer knows the key.
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}
