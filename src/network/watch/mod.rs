//! A job that polls: every node by a task of its own, one loop that takes in the answers.
//!
//! In: a [`Plan`]. Out: nodes in the store; the Network, if this is the aggregator; alarms; progress of the job.
//! Invariants: no node waits for another; the Network is first told when every node was asked once; while none of them
//! answers it stays as it is.

mod aggregator;
mod known;
mod poll;
mod run;
mod tell;
mod writer;

pub use self::{run::watch, tell::Report};
