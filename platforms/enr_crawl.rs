//! Crawls a discv5 network from its bootnodes: every node's own record, all its neighbours, and who is still there.
//!
//! What it finds is kept in Redis as an open database, read under `/crawl/…`; several jobs may crawl one network together.
//!
//! ```json
//! {
//!   "platform_id": "enr_crawl",
//!   "settings": {
//!     "bootnodes": ["enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8"],
//!     "epochs": 1
//!   }
//! }
//! ```
use std::time::Duration;

use crate::{crawl, platform::prelude::*, storage};

pub const PLATFORM: Spec =
    Spec { pool: HEAVY, timeout: Some(hours(1)), rounds: Some("epochs"), keeps: true, ..Spec::DEFAULT };

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Nodes to start from, each an `enr:…`. None means those of Ethereum mainnet. Outside this machine they need
    /// `network.allow_public` in the collector's configuration.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    bootnodes: Vec<String>,
    /// What the network is called: 1 to 40 lower case letters, digits, - and _. Without it `mainnet`, or a name that
    /// follows from the bootnodes.
    network: Option<String>,
    /// How many times everybody is asked; 0 means for ever.
    #[serde(default = "epochs")]
    #[schemars(range(max = 1_000_000))]
    epochs: u64,
    /// How long an epoch takes at least, in seconds; the last one ends when everybody was asked.
    #[serde(default = "epoch_s")]
    #[schemars(range(min = 1, max = 86_400))]
    epoch_s: u64,
    /// What a node's freshness loses after its first, second, … epoch in a row without an answer, in percent; the last
    /// one stays.
    #[serde(default = "ladder")]
    #[schemars(length(min = 1, max = 32), inner(range(max = 100)))]
    ladder: Vec<u8>,
    /// A node of this freshness or less, once it does not answer, leaves the live set.
    #[serde(default)]
    threshold: u32,
    /// How long a node's neighbours are taken to be as it told, in seconds.
    #[serde(default = "drain_s")]
    #[schemars(range(min = 1, max = 2_592_000))]
    drain_s: u64,
    /// How long a candidate that never answers is kept after anybody told of it, in seconds.
    #[serde(default = "forget_s")]
    #[schemars(range(min = 1, max = 2_592_000))]
    forget_s: u64,
    /// How long the network is kept once nobody crawls it any more, in days.
    #[serde(default = "keep_days")]
    #[schemars(range(min = 1, max = 3650))]
    keep_days: u64,
    /// Nodes asked at the same time.
    #[serde(default = "concurrency")]
    #[schemars(range(min = 1, max = 16_384))]
    concurrency: usize,
    /// How long to wait for one answer, in milliseconds.
    #[serde(default = "request_timeout_ms")]
    #[schemars(range(min = 50, max = 10_000))]
    request_timeout_ms: u64,
    /// How often an unanswered question is asked again.
    #[serde(default = "retries")]
    #[schemars(range(min = 0, max = 5))]
    retries: u8,
    /// The most nodes to follow; those heard of later are left out, and the result says so.
    #[serde(default = "max_nodes")]
    #[schemars(range(min = 1, max = 1_000_000))]
    max_nodes: usize,
    /// The longest a crawl with an end may take, in seconds; then the result is what was found until then.
    #[serde(default = "max_duration_s")]
    #[schemars(range(min = 1, max = 3500))]
    max_duration_s: u64,
    /// A database that what is found is mirrored to, as tables `crawl_nodes`, `crawl_neighbours`, `crawl_records` and
    /// `crawl_epochs`.
    storage: Option<storage::Settings>,
}

fn epochs() -> u64 {
    1
}

fn epoch_s() -> u64 {
    300
}

fn ladder() -> Vec<u8> {
    vec![0, 5, 20, 40, 80, 100]
}

fn drain_s() -> u64 {
    3600
}

fn forget_s() -> u64 {
    86_400
}

fn keep_days() -> u64 {
    30
}

fn concurrency() -> usize {
    1024
}

fn request_timeout_ms() -> u64 {
    1000
}

fn retries() -> u8 {
    1
}

fn max_nodes() -> usize {
    200_000
}

fn max_duration_s() -> u64 {
    3000
}

pub async fn _run(job: Context, settings: Settings) -> Result<crawl::Report> {
    let network = settings.network.map(|name| name.parse()).transpose();
    let plan = crawl::Plan {
        network: network.map_err(|error: crawl::NetworkNameError| Failure::settings("/network", error.to_string()))?,
        root: None,
        epochs: settings.epochs,
        epoch: Duration::from_secs(settings.epoch_s),
        ladder: crawl::Ladder { percent: settings.ladder, threshold: settings.threshold },
        drain_every: Duration::from_secs(settings.drain_s),
        forget: Duration::from_secs(settings.forget_s),
        keep: Duration::from_hours(24 * settings.keep_days),
        concurrency: settings.concurrency,
        request_timeout: Duration::from_millis(settings.request_timeout_ms),
        retries: settings.retries,
        max_nodes: settings.max_nodes,
        max_duration: Duration::from_secs(settings.max_duration_s),
        storage: settings.storage,
    };
    crawl::crawl(&job, &settings.bootnodes, plan).await
}
