//! Names become addresses here and nowhere else, at the moment of connecting: a name server that said something harmless
//! when it was asked before cannot say something else now.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::{Policy, Refusal, policy::is_localhost};

/// Lookups under way at once in this process: each holds a thread for as long as a name server likes. Half of the threads
/// that the runtime has for such work, so that names nobody answers for do not stop everything else.
const MAX_LOOKUPS: usize = 256;

/// Addresses of one name that are tried.
const MAX_TRIED: usize = 8;

/// Why a name has no addresses.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    /// It may not be called, or one of its addresses may not.
    #[error(transparent)]
    Refused(Refusal),
    /// No name server told an address; one may later.
    #[error("the name has no address now: {0}")]
    Unknown(Box<dyn std::error::Error + Send + Sync>),
}

/// The policy in front of a resolver.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) policy: Arc<Policy>,
    pub(super) names: Arc<dyn Resolve>,
}

impl Guarded {
    /// Every address of a name, and the verdict on them: one that is refused refuses all.
    pub(super) async fn look_up(&self, name: &str) -> (Vec<IpAddr>, Result<(), LookupError>) {
        let bare = match self.policy.admit_name(name) {
            Ok(bare) => bare,
            Err(refusal) => return (Vec::new(), Err(LookupError::Refused(refusal))),
        };
        if is_localhost(bare) {
            return (self.policy.local().collect(), Ok(()));
        }
        let unknown = |error| (Vec::new(), Err(LookupError::Unknown(error)));
        let name = match bare.parse::<Name>() {
            Ok(name) => name,
            Err(error) => return unknown(error.into()),
        };
        let found: Vec<IpAddr> = match self.names.resolve(name).await {
            Ok(found) => found.map(|address| address.ip()).collect(),
            Err(error) => return unknown(error),
        };
        if found.is_empty() {
            return unknown("the answer is empty".into());
        }
        let verdict = found.iter().try_for_each(|ip| self.policy.judge(*ip)).map_err(LookupError::Refused);
        (found, verdict)
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let (found, verdict) = this.look_up(name.as_str()).await;
            verdict?;
            // Port 0: the URL's.
            let found = found.into_iter().take(MAX_TRIED).map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

/// The system's resolver.
pub(super) struct System {
    lookups: Arc<Semaphore>,
}

impl System {
    pub(super) fn new() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        let lookups = self.lookups.clone();
        Box::pin(async move {
            let permit = lookups.acquire_owned().await?;
            // The thread keeps the permit: whoever waited for it may have given up long before the name server does.
            let found = tokio::task::spawn_blocking(move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                drop(permit);
                found
            });
            let found: io::Result<_> = found.await?;
            Ok(Box::new(found?) as Addrs)
        })
    }
}
