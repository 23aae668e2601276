//! What a job was asked to poll, and how.

use std::time::Duration;

use url::Url;

use super::{discovery::Rules, prefix::Prefix};

/// A node by where it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its base URL.
    pub url: Url,
    /// How it is asked.
    pub kind: Kind,
}

/// What kind of node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Hathor full node: `GET /v1a/status`.
    Hathor,
    /// An Ethereum node: JSON-RPC.
    Ethereum,
}

/// How they are polled and what becomes of their answers.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the keys begin with.
    pub prefix: Prefix,
    /// Whom to ask.
    pub targets: Vec<Target>,
    /// How often each; 0 means for ever.
    pub rounds: u64,
    /// From one poll of a node to the next.
    pub interval: Duration,
    /// How long an answer may take, body included.
    pub timeout: Duration,
    /// Bytes an answer may have.
    pub max_body: u64,
    /// How long what a node said holds at least.
    pub life: Duration,
    /// Blocks that a node may be behind before that is an alarm.
    pub max_lag: u64,
    /// The network that nodes must be in; others are refused.
    pub network: Option<String>,
    /// How further nodes are found; without it they are not.
    pub discovery: Option<Rules>,
}
