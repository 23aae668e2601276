//! The freshness tracker: at the end of every epoch a node that was asked and did not answer loses a part of its
//! freshness, the more the longer it has been silent, until it leaves the live set.

use super::node::{CURVE, Node};

/// How silence costs freshness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Percentages taken off after the first, second, … epoch in a row without an answer; the last one stays.
    pub percent: Vec<u8>,
    /// A node of this freshness or less leaves the live set.
    pub threshold: u32,
}

/// What an epoch's end means for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Stays,
    /// It leaves the live set.
    Leaves,
}

impl Ladder {
    /// What the `missed`-th epoch in a row (1 is the first) takes off `freshness`: rounded up, and at least 1 unless the
    /// percentage is 0.
    fn taken(&self, freshness: u32, missed: u32) -> u32 {
        let step = usize::try_from(missed.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(percent) = self.percent.get(step).or(self.percent.last()) else { return 0 };
        if *percent == 0 {
            return 0;
        }
        let part = u64::from(freshness) * u64::from(*percent);
        u32::try_from(part.div_ceil(100)).unwrap_or(u32::MAX).max(1)
    }

    /// The end of `epoch` for one node. Doing it twice changes nothing; a node that nobody had time to ask in that epoch
    /// loses nothing.
    pub fn close(&self, node: &mut Node, epoch: u64) -> Verdict {
        if node.tracked >= epoch {
            return Verdict::Stays;
        }
        node.tracked = epoch;
        if node.answered >= epoch {
            node.missed = 0;
        } else if node.checked >= epoch {
            node.missed = node.missed.saturating_add(1);
            node.freshness = node.freshness.saturating_sub(self.taken(node.freshness, node.missed));
        }
        if node.curve.len() >= CURVE {
            node.curve.remove(0);
        }
        node.curve.push(node.freshness);
        if node.missed > 0 && node.freshness <= self.threshold { Verdict::Leaves } else { Verdict::Stays }
    }
}
