//! How jobs wait, are handed out and reported on.
//!
//! In: accepted jobs, outcomes, reports. Out: claims, one per free slot. Invariants: every arrow of the state
//! machine is one bounded script that checks status and lease; no call's cost grows with the backlog; times of
//! leases come from Redis alone.

mod backend;
mod backoff;
mod claimer;
mod held;
mod indexes;
pub mod keys;
mod messages;
mod scripts;
mod submitter;
#[cfg(test)]
mod tests;
mod wake;
mod writer;

pub use self::{
    backend::{ClaimedJobs, Ticket},
    backoff::Backoff,
    claimer::{Claimer, Declared},
    held::{Ended, Held, Hold, Limits, Step, Stop},
    indexes::{Deleted, Named},
    messages::{Blame, Claim, Claimed, Death, Finish, Heard, IdempotencyKey, NewJob, Plain, Said, Submitted, Written},
    scripts::{BATCH, HeldSettings, Queue},
    submitter::Submitter,
    wake::{Bells, listen},
    writer::Writer,
};

/// Which of a pool's two queues: everybody's, or the one of suspects that run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The pool's queue.
    Queue,
    /// Jobs whose process died while it ran others too.
    Alone,
}

impl Lane {
    /// The word in keys and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Alone => "alone",
        }
    }
}
