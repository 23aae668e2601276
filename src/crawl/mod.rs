//! Ethereum's discv5 network: one complete crawl of it.
//!
//! In: bootnodes, [`Limits`] and the job's handle. Out: a [`Report`], one [`Row`] a node in the dataset, progress on
//! the way. Every node is asked for its own newest record and, bucket by bucket, for its neighbours, until no unseen
//! node is left.
//! Invariants: records and addresses are hostile input and never panic; only addresses that [`Reach`] allows are ever
//! contacted; nothing grows without bound; the wire is known to `asker` alone.

mod address;
mod asker;
mod bootnodes;
mod drain;
mod frontier;
mod record;
mod report;
mod run;
mod saved;
#[cfg(test)]
mod tests;

pub use self::{
    address::Reach,
    record::Row,
    report::{Complete, Report},
    run::{Limits, crawl},
};
