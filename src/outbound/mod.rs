//! The one client of every outgoing HTTP call of the platforms.
//!
//! In: a [`Request`] whose URL anybody may have chosen, and `[network]` of the configuration. Out: a whole, bounded
//! [`Response`], or an [`Error`] whose variant says whether trying again makes sense.
//!
//! ```text
//! URL → policy (scheme, user, port, name, literal address) → name server → policy (every address) → connect
//!        ↑______________________________ each redirect ____________________________________|
//! ```
//!
//! Invariants: nothing is connected to that [`Policy`] has not judged, by the address itself and at the moment of
//! connecting; one address that is refused refuses its name; no proxy of the environment comes between; a call takes no
//! longer than its timeout, body included, and holds no more than its largest body, before and after decompression.
//! Whoever calls endpoints of strangers again and again goes through the [`Gate`], which all processes share.

mod address;
mod body;
mod check;
mod client;
mod endpoint;
mod error;
mod gate;
mod policy;
mod resolver;
mod response;
mod rule;
mod schedule;
#[cfg(test)]
mod tests;

pub use self::{
    address::special,
    check::{Finding, Verdict},
    client::{Client, Redirects, Request},
    endpoint::Endpoint,
    error::Error,
    gate::{Because, Breaker, Entry, Gate, Health, Pass, Reply, Reputation, Wait},
    policy::{Policy, Reach},
    response::{LONGEST_RETRY_AFTER, Outcome, Response},
    rule::{Refusal, Rule},
    schedule::{Schedule, Schedules},
};
