//! The discv5.1 wire protocol, from the side of one who asks: `PING` and `FINDNODE` go out, what comes in is verified.
//! Not a node: it has no table, and its own record says nothing of where it is.
//!
//! In go a [`Peer`] and a question, out comes its answer: [`Client`] hands questions to one task (`driver`), which
//! owns the `sockets` and the `engine`. Everything but those two is without I/O, time included. Datagrams are split by
//! `packet`, opened by `session`, read by `codec`; `engine` (and `receive`, its other half) knows who was asked what and
//! when to ask again; `pacing` when a packet may go; `records` verifies each distinct `record` once.
//!
//! Invariants: no input makes it panic; nothing a peer sends makes anything grow without bound; one bad record costs
//! that record, not the answer it came in.

mod ask;
mod client;
pub mod codec;
mod contact;
mod counters;
mod driver;
mod engine;
pub mod node_id;
pub mod pacing;
pub mod packet;
mod receive;
pub mod record;
pub mod records;
pub mod session;
mod sockets;

pub use self::{
    ask::{AskError, Completeness, Dropped, Nodes, Peer, Pong},
    client::{Client, Config, StartError},
    counters::Counters,
    node_id::{NodeId, NodeIdError},
    pacing::Pace,
    record::{Record, RecordError},
    records::Records,
};

#[cfg(test)]
mod tests;
