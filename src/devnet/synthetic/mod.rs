//! A network of many nodes behind one UDP socket: each has its own loopback address, key, record, table and sessions.
//!
//! In: a [`Plan`], datagrams, and orders (`orders`). Out: answers in the manners of the real clients (`manner`), and
//! the truth about the network. Everything but `server` is without I/O: [`Network`] takes a datagram and the time, and
//! returns datagrams.
//!
//! Invariants: a plan's seed decides every key, address, table and tick; the truth is what is answered; nothing that
//! is received makes anything grow without bound; only loopback addresses are answered.

mod address;
mod counters;
mod limiter;
mod manner;
mod member;
mod network;
mod orders;
mod plan;
mod poison;
mod server;
mod sessions;
mod table;
#[cfg(test)]
mod tests;
mod tick;
mod truth;
mod weather;

pub use self::{
    counters::{Ban, Counters},
    network::{Datagram, Network, NetworkError},
    orders::obey,
    plan::{Limiter, Plan, PlanError},
    server::{Server, ServerError},
    tick::{Tick, Ticked},
    truth::{Extent, Row},
};
