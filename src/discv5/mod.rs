//! The discv5.1 wire protocol, from the side of one who asks: `PING` and `FINDNODE` go out, what comes in is verified.
//! Not a node: it has no table, and its own record says nothing of where it is.
//!
//! Everything here but the client is without I/O. Datagrams are split by `packet`, opened by `session`, read by
//! `codec`; records are `record`, and `records` verifies each distinct one once.
//!
//! Invariants: no input makes it panic; nothing a peer sends makes anything grow without bound; one bad record costs
//! that record, not the answer it came in.

pub mod codec;
pub mod node_id;
pub mod packet;
pub mod record;
pub mod records;
pub mod session;

pub use self::{
    node_id::{NodeId, NodeIdError},
    record::{Record, RecordError},
    records::Records,
};
