//! How a platform comes into the room: opened when the first job asks, for few processes ever do.

use std::fmt;

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::Requests;
use crate::platform::Failure;

/// Opens the room once.
pub struct Door {
    open: Box<dyn Fn() -> BoxFuture<'static, Result<Requests, Failure>> + Send + Sync>,
    opened: OnceCell<Requests>,
}

impl Door {
    /// A door that this opens.
    pub fn new(open: impl Fn() -> BoxFuture<'static, Result<Requests, Failure>> + Send + Sync + 'static) -> Self {
        Self { open: Box::new(open), opened: OnceCell::new() }
    }

    /// The room.
    pub async fn enter(&self) -> Result<&Requests, Failure> {
        self.opened.get_or_try_init(|| (self.open)()).await
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("opened", &self.opened.initialized()).finish_non_exhaustive()
    }
}
