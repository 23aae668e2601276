//! Full nodes that are polled, and the one Network that all of their answers make.
//!
//! In: base URLs, a [`Plan`] and the job's handle. Out: the Network and its nodes in Redis, a revision each time it
//! changes, alarms; read and followed by whoever asks.
//!
//! ```text
//! poll → status (lenient) → steady (starts that stay still) → merge → store (Redis) → feed → HTTP
//!   ↑__ pace, discovery __|                                     ↑ alarms
//! ```
//!
//! Invariants: what nodes say is hostile input and never panics; the order of answers changes no byte; nothing is saved
//! that differs only in what changes at every poll; one aggregator writes at a time, under a fence; a Network is never
//! replaced by nothing.

mod alarms;
mod ask;
mod canonical;
mod change;
mod discovery;
mod feed;
mod merge;
mod model;
mod pace;
mod plan;
mod prefix;
mod rpc;
#[cfg(test)]
mod samples;
mod status;
mod steady;
mod store;
mod watch;

pub use self::{
    alarms::{AlarmKey, AlarmKind, Alarms, Health, alarms},
    ask::AskError,
    change::{Change, Difference, Ids},
    discovery::{Candidate, Rules, Tried},
    feed::{Feeds, Follower, Message, MessageKind, Told, Wanted},
    merge::{Merged, Moment, Reporters},
    model::{AggregatedNode, AggregatedPeer, Block, Network, Node, Peer, READY, Volatile, is_id},
    plan::{Kind, Plan, Target},
    prefix::{Prefix, PrefixError},
    status::{Hint, Receipt, Status, StatusError, read},
    steady::{Readings, Steady, TOLERANCE, keep},
    store::{Checked, Held, News, Revision, Store, Stored, Token, Whole},
    watch::{Report, watch},
};
