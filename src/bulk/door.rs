//! How the platform comes to all jobs: put together when the first one asks, for few processes ever do.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::{job::Jobs, platform::Failure};

/// Leads to the jobs.
pub struct Door(Box<dyn Fn() -> BoxFuture<'static, Result<Jobs, Failure>> + Send + Sync>);

impl Door {
    /// A door that this opens.
    pub fn new(open: impl Fn() -> BoxFuture<'static, Result<Jobs, Failure>> + Send + Sync + 'static) -> Self {
        Self(Box::new(open))
    }

    pub(super) async fn enter(&self) -> Result<Jobs, Failure> {
        (self.0)().await
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}
