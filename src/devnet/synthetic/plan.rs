//! What a network looks like.

use std::time::Duration;

/// The most nodes there may be at the start.
pub const MAX_NODES: u32 = 100_000;

/// What a network looks like. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Nodes, the bootnode and the dead ones included.
    pub nodes: u32,
    /// Share of nodes that are in tables and do not answer.
    pub dead: f64,
    /// Decides every key, address, table and tick.
    pub seed: u64,
    /// Share of datagrams that are lost, in either direction.
    pub loss: f64,
    /// From the question to the answer.
    pub rtt: Duration,
    /// Up to how much later than that an answer may come: answers overtake each other.
    pub jitter: Duration,
    /// Whether nodes ban who asks too much.
    pub limiter: Limiter,
    /// Share of NODES packets that are poisoned.
    pub poison: f64,
}

/// Whether nodes ban who asks too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// They do not.
    None,
    /// As the largest family of clients does.
    Lighthouse,
}

/// Why a plan is none.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq)]
pub enum PlanError {
    /// None, or too many.
    #[error("a synthetic network has 1 to {MAX_NODES} nodes, not {0}")]
    Nodes(u32),
    /// Not a share.
    #[error("{what} is a share from 0 to 1, not {share}")]
    Share {
        /// Which.
        what: &'static str,
        /// What it is.
        share: f64,
    },
}

impl Plan {
    /// A network that nothing is wrong with.
    pub fn clean(nodes: u32, seed: u64) -> Self {
        Self {
            nodes,
            dead: 0.0,
            seed,
            loss: 0.0,
            rtt: Duration::ZERO,
            jitter: Duration::ZERO,
            limiter: Limiter::None,
            poison: 0.0,
        }
    }

    /// How many nodes are dead; the bootnode never is.
    pub(super) fn dead(&self) -> usize {
        share_of(self.nodes as usize, self.dead).min(self.nodes as usize - 1)
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        if !(1..=MAX_NODES).contains(&self.nodes) {
            return Err(PlanError::Nodes(self.nodes));
        }
        for (what, share) in [("dead", self.dead), ("loss", self.loss), ("poison", self.poison)] {
            check_share(what, share)?;
        }
        Ok(())
    }
}

/// Refuses what is no share.
pub(super) fn check_share(what: &'static str, share: f64) -> Result<(), PlanError> {
    if (0.0..=1.0).contains(&share) { Ok(()) } else { Err(PlanError::Share { what, share }) }
}

/// A share of so many, rounded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a number of nodes, which is small"
)]
pub(super) fn share_of(all: usize, share: f64) -> usize {
    (all as f64 * share).round() as usize
}
