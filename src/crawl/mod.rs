//! Ethereum's discv5 network: who is in it, who knows whom, and how fresh that is; once, or for ever.
//!
//! In: bootnodes, a [`Plan`] and the job's handle. Out: the store, an open database of nodes in Redis; a [`Report`], one
//! [`Row`] a node in the dataset, progress on the way.
//!
//! ```text
//! delegator → ask → discv5 (the wire) → ingestor → part → store (Redis) → view → stats, report, HTTP
//!     ↑________________________ new work ___|                ↑ freshness, at the end of every epoch
//! ```
//!
//! Invariants: records and addresses are hostile input and never panic; only addresses that [`Reach`] allows are ever
//! contacted; nothing grows without bound; only a node's own answer keeps it in the live set.

mod address;
mod ask;
mod bootnodes;
mod contents;
mod delegator;
mod descent;
pub mod export;
mod feed;
mod filter;
mod freshness;
mod ingestor;
mod library;
mod member;
mod metrics;
mod mirror;
mod node;
mod part;
mod plan;
mod record;
mod report;
mod run;
#[cfg(test)]
mod samples;
mod stats;
mod store;
mod summary;
#[cfg(test)]
mod tests;
mod view;

pub use self::{
    address::Reach,
    contents::Contents,
    delegator::Kind,
    feed::{Feeds, Follower, Mark, MarkError, Told},
    filter::Filter,
    freshness::Ladder,
    library::{Library, Reading, ReadingError},
    metrics::{Figures, KindFigures},
    node::{CURVE, Candidate, Gone, Node},
    plan::Plan,
    record::{Row, client_words, endpoint, fork},
    report::{Complete, Report},
    run::crawl,
    stats::{Estimate, Stats},
    store::{Directory, EpochCounts, NetworkName, NetworkNameError, PARTS, Store, part_of},
    summary::{Membership, Summary, Time},
    view::{Graph, View},
};
