//! Asking one node how it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use url::Url;

use super::{
    model::Node,
    plan::{Kind, Target},
    rpc,
    status::{self, Receipt, Status, StatusError},
};
use crate::outbound::{self, Client, Redirects, Request};

/// What is asked of every answer.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// How long it may take.
    pub(super) timeout: Duration,
    /// Bytes its body may have.
    pub(super) max_body: u64,
    /// The network that the node must be in.
    pub(super) network: Option<String>,
}

/// An answer that counts.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) took: Duration,
    /// As it came.
    pub(super) body: Bytes,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] outbound::Error),
    /// It answered with another status than 200.
    #[error("it answered {status}")]
    Http {
        /// The status.
        status: u16,
        /// When to come back, if it said so.
        retry_after: Option<Duration>,
    },
    /// Its answer cannot be read.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// It is in another network.
    #[error("it is in the network {0:?}")]
    Network(String),
}

impl AskError {
    /// Stable, for machines.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Call(error) => error.code(),
            Self::Http { .. } => "http_status",
            Self::Status(_) => "bad_status",
            Self::Network(_) => "wrong_network",
        }
    }

    /// When to come back, if it said so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Asks a node.
pub(super) async fn ask(http: &Client, target: &Target, terms: &Terms) -> Result<Answer, AskError> {
    let request = match target.kind {
        Kind::Hathor => Request::get(status_of(&target.url)),
        Kind::Ethereum => Request::post(target.url.clone(), rpc::QUESTION),
    };
    let redirects = Redirects::Returned;
    let request = Request { timeout: Some(terms.timeout), max_body: Some(terms.max_body), redirects, ..request };
    let response = http.send(request).await?;
    if response.status.as_u16() != 200 {
        return Err(AskError::Http { status: response.status.as_u16(), retry_after: response.retry_after });
    }
    let receipt = Receipt { middle: now() - response.elapsed.as_secs_f64() / 2.0 };
    let status = match target.kind {
        Kind::Hathor => status::read(&response.body, receipt)?,
        Kind::Ethereum => rpc::read(&response.body, &target.url, receipt)?,
    };
    let Node { network, .. } = &status.node;
    match &terms.network {
        Some(ours) if ours != network => Err(AskError::Network(network.clone())),
        _ => Ok(Answer { status, took: response.elapsed, body: response.body }),
    }
}

/// Where a node tells its status, given its base URL.
fn status_of(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/v1a/status", base.path().trim_end_matches('/')));
    url
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_stands_below_the_base() {
        for (base, status) in [
            ("http://a:8080", "http://a:8080/v1a/status"),
            ("http://a/", "http://a/v1a/status"),
            ("https://a/node/?x=1", "https://a/node/v1a/status?x=1"),
        ] {
            assert_eq!(status_of(&base.parse().unwrap()).as_str(), status);
        }
    }
}
