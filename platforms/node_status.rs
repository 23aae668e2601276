//! Polls full nodes and keeps one Network of them and their peers, which is told of whenever it changes.
//!
//! The Network stands in Redis and is read and followed under `/network` and `/node`. Several jobs may poll nodes of one
//! Network; one of them at a time writes it.
//!
//! ```json
//! {
//!   "platform_id": "node_status",
//!   "settings": { "nodes": ["http://127.0.0.1:8080"], "rounds": 1 }
//! }
//! ```
use std::time::Duration;

use crate::{network, platform::prelude::*};

pub const PLATFORM: Spec = Spec { timeout: Some(hours(1)), rounds: Some("rounds"), keeps: true, ..Spec::DEFAULT };

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Base URLs of the nodes: `http://127.0.0.1:8080`. Outside this machine they need `network.allow_public`, or
    /// `network.allow`, in the collector's configuration.
    #[schemars(length(min = 1, max = 500))]
    nodes: Vec<Url>,
    /// What they are, and so how they are asked.
    #[serde(default)]
    kind: Kind,
    /// How often each node is polled; 0 means for ever.
    #[serde(default = "rounds")]
    #[schemars(range(max = 1_000_000))]
    rounds: u64,
    /// From one poll of a node to the next, in milliseconds, and up to a tenth more; after failures up to a minute.
    #[serde(default = "interval_ms")]
    #[schemars(range(min = 334, max = 3_600_000))]
    interval_ms: u64,
    /// How long an answer may take, in milliseconds.
    #[serde(default = "timeout_ms")]
    #[schemars(range(min = 50, max = 30_000))]
    timeout_ms: u64,
    /// The largest answer, in bytes.
    #[serde(default = "max_body_bytes")]
    #[schemars(range(min = 1024, max = 8_388_608))]
    max_body_bytes: u64,
    /// What the keys of the Network begin with: letters, digits, `.`, `_`, `:` and `-`.
    #[serde(default = "prefix")]
    prefix: String,
    /// The network that every node must be in; without it any.
    #[schemars(length(min = 1, max = 100))]
    network: Option<String>,
    /// How long what a node said holds at least, in seconds.
    #[serde(default = "node_ttl_s")]
    #[schemars(range(min = 1, max = 86_400))]
    node_ttl_s: u64,
    /// Blocks that a node may be behind the best one before that is an alarm.
    #[serde(default = "max_lag")]
    max_lag: u64,
    /// How further nodes are found among the hosts of peers; without it they are not. What may be called at all is up to
    /// the collector's configuration here too.
    discovery: Option<Discovery>,
}

/// How further nodes are found.
#[derive(Deserialize, JsonSchema)]
pub struct Discovery {
    /// Base URLs under which a host is tried, `{host}` standing for it.
    #[serde(default = "templates")]
    #[schemars(length(min = 1, max = 8), inner(length(max = 200)))]
    templates: Vec<String>,
    /// Names whose addresses are tried too.
    #[serde(default)]
    #[schemars(length(max = 32), inner(length(max = 253)))]
    seeds: Vec<String>,
    /// The most hosts that are tried in a minute.
    #[serde(default = "probes_per_min")]
    #[schemars(range(min = 1, max = 600))]
    probes_per_min: u32,
    /// The most nodes that are taken in.
    #[serde(default = "max_nodes")]
    #[schemars(range(min = 1, max = 500))]
    max_nodes: usize,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Hathor full nodes: `GET /v1a/status`.
    #[default]
    Hathor,
    /// Ethereum nodes: JSON-RPC, of which any method but `web3_clientVersion` may be missing.
    Ethereum,
}

fn rounds() -> u64 {
    1
}

fn interval_ms() -> u64 {
    1000
}

fn timeout_ms() -> u64 {
    10_000
}

fn max_body_bytes() -> u64 {
    8 << 20
}

fn prefix() -> String {
    network::Prefix::DEFAULT.into()
}

fn node_ttl_s() -> u64 {
    30
}

fn max_lag() -> u64 {
    10
}

fn templates() -> Vec<String> {
    vec!["http://{host}:8080".into(), "https://{host}".into()]
}

fn probes_per_min() -> u32 {
    10
}

fn max_nodes() -> usize {
    100
}

pub async fn _run(job: Context, settings: Settings) -> Result<network::Report> {
    let prefix = settings.prefix.parse();
    let kind = match settings.kind {
        Kind::Hathor => network::Kind::Hathor,
        Kind::Ethereum => network::Kind::Ethereum,
    };
    if let Some(discovery) = &settings.discovery {
        if kind == network::Kind::Ethereum {
            return Err(Failure::settings(
                "/discovery",
                "only Hathor nodes say who they are, which is asked of what is found",
            ));
        }
        let is_url = |template: &String| template.replace("{host}", "host.example").parse::<Url>().is_ok();
        if let Some(bad) = discovery.templates.iter().position(|it| !it.contains("{host}") || !is_url(it)) {
            return Err(Failure::settings(format!("/discovery/templates/{bad}"), "expected a URL with {host} in it"));
        }
    }
    let plan = network::Plan {
        prefix: prefix.map_err(|error: network::PrefixError| Failure::settings("/prefix", error.to_string()))?,
        targets: settings.nodes.into_iter().map(|url| network::Target { url, kind }).collect(),
        rounds: settings.rounds,
        interval: Duration::from_millis(settings.interval_ms),
        timeout: Duration::from_millis(settings.timeout_ms),
        max_body: settings.max_body_bytes,
        life: Duration::from_secs(settings.node_ttl_s),
        max_lag: settings.max_lag,
        network: settings.network,
        discovery: settings.discovery.map(|discovery| network::Rules {
            templates: discovery.templates,
            seeds: discovery.seeds,
            probes_per_min: discovery.probes_per_min,
            max_nodes: discovery.max_nodes,
        }),
    };
    network::watch(&job, &plan).await
}
