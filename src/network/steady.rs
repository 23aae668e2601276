//! When something began, out of readings that are a little off each time: an integer that stays still.
//!
//! A start is read as a clock minus an age. If clock and age come from the same call, readings agree to the second; if
//! the clock is ours, they scatter around the truth by up to two seconds. So a reading within [`TOLERANCE`] changes
//! nothing; one further off than two scattered readings can be apart is a new start; one in between is believed once
//! [`READINGS`] in a row say so.

use std::collections::HashMap;

use super::model::Node;

/// Seconds by which a reading may be off the truth.
pub const TOLERANCE: i64 = 2;
/// Readings in a row that move a start by little.
const READINGS: u32 = 60;

/// A start that is read again and again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steady {
    start: Option<i64>,
    /// Readings in a row that were off on the same side: how many, the least and the greatest of them.
    off: Option<(u32, i64, i64)>,
}

impl Steady {
    /// One that is known from before.
    pub fn known(start: Option<i64>) -> Self {
        Self { start, off: None }
    }

    /// Takes in a reading; the start as it is to be told.
    pub fn settle(&mut self, reading: i64) -> i64 {
        let start = *self.start.get_or_insert(reading);
        let (distance, tolerance) = (reading.abs_diff(start), TOLERANCE.unsigned_abs());
        if distance <= tolerance {
            self.off = None;
            return start;
        }
        if distance > 2 * tolerance {
            *self = Self::known(Some(reading));
            return reading;
        }
        let (count, least, greatest) = match self.off {
            Some((count, least, greatest)) if (least > start) == (reading > start) => {
                (count + 1, least.min(reading), greatest.max(reading))
            }
            _ => (1, reading, reading),
        };
        if count < READINGS {
            self.off = Some((count, least, greatest));
            return start;
        }
        // The truth lies in the middle of what scatters around it.
        let start = i64::midpoint(least, greatest);
        *self = Self::known(Some(start));
        start
    }
}

/// What was read of one node until now: its own start and those of its connections.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    node: Steady,
    peers: HashMap<String, Steady>,
}

impl Readings {
    /// Goes on from what a node said when it was last asked, whoever asked.
    pub fn known(node: &Node) -> Self {
        let peers = node.connected_peers.iter().map(|peer| (peer.id.clone(), Steady::known(peer.up_since))).collect();
        Self { node: Steady::known(node.up_since), peers }
    }

    /// Makes every start in what a node says now one that stays still.
    pub fn settle(&mut self, node: &mut Node) {
        node.up_since = node.up_since.map(|reading| self.node.settle(reading));
        let mut before = std::mem::take(&mut self.peers);
        for peer in &mut node.connected_peers {
            let mut steady = before.remove(&peer.id).unwrap_or_default();
            peer.up_since = peer.up_since.map(|reading| steady.settle(reading));
            self.peers.insert(peer.id.clone(), steady);
        }
    }
}

/// A start beside what was told of it before: as long as they are close, that stays.
pub fn keep(before: Option<i64>, now: Option<i64>) -> Option<i64> {
    match (before, now) {
        (Some(before), Some(now)) if before.abs_diff(now) <= TOLERANCE.unsigned_abs() => Some(before),
        (_, now) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_distances_change_nothing() {
        for (before, now, kept) in [
            (None, None, None),
            (None, Some(5), Some(5)),
            (Some(5), None, None),
            (Some(100), Some(98), Some(100)),
            (Some(100), Some(102), Some(100)),
            (Some(100), Some(97), Some(97)),
            (Some(100), Some(103), Some(103)),
            (Some(i64::MIN), Some(i64::MAX), Some(i64::MAX)),
        ] {
            assert_eq!(keep(before, now), kept, "{before:?} {now:?}");
        }
    }

    #[test]
    fn a_restart_is_believed_at_once_and_jitter_never() {
        let mut steady = Steady::default();
        // The first reading is as far off as it may be, all others on the other side.
        assert_eq!(steady.settle(1002), 1002);
        for _ in 0..1000 {
            for reading in [998, 1000, 1002] {
                assert_eq!(steady.settle(reading), 1002);
            }
        }
        assert_eq!(steady.settle(1007), 1007, "a restart");
        assert_eq!(steady.settle(1003), 1007, "which may be off itself");
    }

    #[test]
    fn a_small_move_needs_many_readings() {
        let mut steady = Steady::known(Some(1000));
        for n in 1..READINGS {
            assert_eq!(steady.settle(1003 + i64::from(n % 2)), 1000);
        }
        assert_eq!(steady.settle(1001), 1000, "and all of them in a row");
        for _ in 1..READINGS {
            assert_eq!(steady.settle(1003), 1000);
        }
        assert_eq!(steady.settle(1003), 1003);
        for n in 1..=READINGS {
            assert_eq!(steady.settle(if n % 2 == 0 { 1000 } else { 1006 }), 1003, "to both sides in turn");
        }
        for reading in [i64::MIN, i64::MAX] {
            assert_eq!(steady.settle(reading), reading);
        }
    }
}
