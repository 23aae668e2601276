//! What the README claims, re-measurable: `collector bench`.
//!
//! In: how much work. Out: a table and JSON. Everything runs against a scratch redis-server without persistence, with
//! the real binary's sanjers; what is compared is measured in the same run, because machines differ and are noisy.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are rounded before anybody reads them"
)]

pub mod crawl;
mod finding;
pub mod floor;
mod http;
pub mod network;
mod queue;
mod recovery;
mod retention;

pub use self::{
    finding::{Cost, finding},
    queue::{Figures, Work, measure},
    retention::{Kept, retention},
};
