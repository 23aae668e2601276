//! The asynchronous client: a small server for people to start from who integrate the collector. Its contract is
//! `client/openapi.yaml`.
//!
//! In: what its user asks for. Out: a request to the collector, its callback received, and the result for the user to poll
//! or to be told. Invariants: what is not signed is not believed; a callback counts once, however often it comes; what is
//! remembered is bounded, the oldest forgotten first.

mod memory;
mod server;

pub use self::server::{Settings, serve};
