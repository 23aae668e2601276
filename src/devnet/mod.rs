//! Local networks to crawl, and full nodes to poll, on loopback addresses only.
//!
//! In: what a network looks like. Out: the record of its bootnode, and what is true of it, to compare a crawl with.
//! Two kinds: [`Devnet`] has real nodes of the `discv5` crate, up to some thousands, each with its own socket and
//! tasks; [`synthetic`] has up to 100,000 nodes behind one socket, which answer like the real clients and are as
//! unreliable, as strict or as hostile as they are told to be. [`hathor`] has full nodes that answer HTTP.
//!
//! [`providers`] are something else: servers of data that fail by script, for requests.
//!
//! Invariants: nothing here ever sends to an address outside of this machine.

pub mod hathor;
pub mod providers;
mod real;
pub mod synthetic;

pub use self::real::{Devnet, DevnetError, Shape};
