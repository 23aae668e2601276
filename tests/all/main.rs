//! The second tier: tests that take minutes, or partners that have to be installed first. `make test-all`, or
//! `make test-all ONLY=name` for one module.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "in tests a panic is the right answer")]

mod chaos;
mod cluster;
mod ethereum;
mod fuzz;
mod oom;
mod partners;
mod promtool;
#[cfg(feature = "dynamodb")]
mod requests;
mod requests_at_scale;
mod sentinel;
mod servers;
mod stall;
#[allow(dead_code, unused_imports, reason = "what the first tier needs is more")]
#[path = "../it/support/mod.rs"]
mod support;
mod tls;
