//! `GET /crawl/…`: networks as their stores hold them.
//!
//! In: requests. Out: nodes, statistics, files and events, read from Redis and from [`Library`], which keeps what was
//! read a moment ago. Invariants: nothing here writes; a list is read a page at a time, a file a piece at a time.

mod cursor;
mod events;
mod export;
mod networks;
mod node;
mod nodes;
mod stats;
mod wanted;

pub(super) use self::{events::events, export::export, networks::networks, node::node, nodes::nodes, stats::stats};
use super::{
    problem::{Code, Problem},
    query::Known,
};
use crate::{
    config::Config,
    crawl::{Directory, Feeds, Library, NetworkName, Store},
    job::Jobs,
};

/// Everything that is known of networks.
pub(super) struct Crawls {
    directory: Directory,
    library: Library,
    feeds: Feeds,
}

/// One network.
struct Network {
    name: NetworkName,
    store: Store,
}

impl Crawls {
    pub(super) fn new(jobs: &Jobs, config: &Config) -> Self {
        let directory = Directory::new(jobs.queue().broker().clone(), config.queue.shards);
        Self { directory, library: Library::default(), feeds: Feeds::default() }
    }

    /// The network that is meant: the one of `network`, or the one whose crawl began last.
    async fn network(&self, query: &Known) -> Result<Network, Problem> {
        if let Some(name) = query.parsed::<NetworkName>("network")? {
            let store = self.directory.find(&name).await?;
            return store.map(|store| Network { name, store }).ok_or_else(unknown);
        }
        let mut last: Option<(u64, Network)> = None;
        for (name, store) in self.directory.list().await? {
            let about = store.about().await?;
            let began: u64 = about.get("began_at").and_then(|time| time.parse().ok()).unwrap_or(0);
            if last.as_ref().is_none_or(|(last, _)| *last < began) {
                last = Some((began, Network { name, store }));
            }
        }
        last.map(|(_, network)| network).ok_or_else(unknown)
    }
}

fn unknown() -> Problem {
    Problem::new(
        Code::UnknownNetwork,
        "GET /crawl/networks lists every network; one that nobody crawls is kept a while",
    )
}
