//! Full nodes to poll: each answers `GET /v1a/status` as a Hathor node does, on a loopback address of its own.
//!
//! In: a [`Plan`]; later, by [`Hathor`], what shall become of which node. Out: their URLs. All nodes listen on the same
//! port, know each other and some peers that nobody can reach, and are as well or as badly behaved as their [`Manner`]s.
//!
//! Invariants: it listens on loopback only; what a node says follows from the plan, the clock and what was ordered.

mod manner;
mod server;
mod status;
mod world;

pub use self::{
    manner::{Manner, MannerError},
    server::{Hathor, HathorError},
    world::Plan,
};
