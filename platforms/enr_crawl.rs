//! Crawls a discv5 network from its bootnodes: every node's own record, its neighbours, and who answers.
//!
//! ```json
//! {
//!   "platform_id": "enr_crawl",
//!   "settings": {
//!     "bootnodes": ["enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8"],
//!     "concurrency": 32
//!   }
//! }
//! ```
use std::time::Duration;

use crate::{crawl, platform::prelude::*};

pub const PLATFORM: Spec = Spec { pool: HEAVY, timeout: Some(hours(1)), ..Spec::DEFAULT };

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Nodes to start from, each an `enr:…`. None means those of Ethereum mainnet. Outside this machine they need
    /// `network.allow_public` in the collector's configuration.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    bootnodes: Vec<String>,
    /// Nodes asked at the same time.
    #[serde(default = "concurrency")]
    #[schemars(range(min = 1, max = 1024))]
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
    /// The longest the crawl may take, in seconds; then the result is what was found until then.
    #[serde(default = "max_duration_s")]
    #[schemars(range(min = 1, max = 3500))]
    max_duration_s: u64,
}

fn concurrency() -> usize {
    64
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
    let limits = crawl::Limits {
        concurrency: settings.concurrency,
        request_timeout: Duration::from_millis(settings.request_timeout_ms),
        retries: settings.retries,
        max_nodes: settings.max_nodes,
        max_duration: Duration::from_secs(settings.max_duration_s),
    };
    crawl::crawl(&job, &settings.bootnodes, limits).await
}
