//! bench

/// What Redis itself reaches with a fixed set of commands: the queue's figures are ratios to it.
pub mod floor;
