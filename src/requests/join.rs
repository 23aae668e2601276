//! When a request is decided: a rule over counts, so that the one update which decides it knows so by itself.

use serde::{Deserialize, Serialize};

use super::JobStatus;

/// What a request waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every provider has ended, however.
    #[default]
    AllFinished,
    /// Every provider has answered; the first that fails decides against it.
    AllSucceeded,
    /// So many providers have answered; it is decided against as soon as so many cannot any more.
    Quorum,
}

/// The rule of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Join {
    /// What it waits for.
    pub mode: Mode,
    /// How many answers are enough; of a quorum only.
    pub minimum: u32,
}

/// How many providers stand where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub total: u32,
    /// Those that have not ended.
    pub remaining: u32,
    /// Those that answered.
    pub succeeded: u32,
}

/// How a request was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What it waited for has come.
    Met,
    /// It cannot come any more.
    Missed,
}

impl Tally {
    /// Of a request whose providers have not been asked yet.
    pub const fn new(total: u32) -> Self {
        Self { total, remaining: total, succeeded: 0 }
    }

    /// Those that ended without an answer.
    pub const fn failed(self) -> u32 {
        self.total.saturating_sub(self.remaining).saturating_sub(self.succeeded)
    }

    /// Before one of them came to this end.
    const fn before(self, end: JobStatus) -> Self {
        let succeeded = match end {
            JobStatus::Done => self.succeeded.saturating_sub(1),
            _ => self.succeeded,
        };
        Self { remaining: self.remaining + 1, succeeded, ..self }
    }
}

impl Join {
    /// What is decided at these counts.
    pub fn verdict(self, tally: Tally) -> Option<Verdict> {
        let needed = match self.mode {
            Mode::AllFinished if tally.remaining == 0 => return Some(Verdict::Met),
            Mode::AllFinished => return None,
            Mode::AllSucceeded => tally.total,
            Mode::Quorum => self.minimum,
        };
        if tally.succeeded >= needed {
            Some(Verdict::Met)
        } else if tally.succeeded + tally.remaining < needed {
            Some(Verdict::Missed)
        } else {
            None
        }
    }

    /// Whether the update that ended one provider so, and left these counts, is the one that decided the request.
    /// Counts change one by one, so it is so for exactly one update of a request: its writer owns the callback.
    pub fn is_decided_by(self, end: JobStatus, after: Tally) -> bool {
        end.is_over() && self.verdict(after).is_some() && self.verdict(after.before(end)).is_none()
    }
}

#[cfg(test)]
mod tests {
    use JobStatus::{Done, Expired, Failed};

    use super::*;

    fn join(mode: Mode, minimum: u32) -> Join {
        Join { mode, minimum }
    }

    #[test]
    fn the_rule_of_every_mode() {
        let tally = |total, remaining, succeeded| Tally { total, remaining, succeeded };
        for (mode, minimum, tally, verdict) in [
            (Mode::AllFinished, 0, tally(3, 1, 2), None),
            (Mode::AllFinished, 0, tally(3, 0, 0), Some(Verdict::Met)),
            (Mode::AllSucceeded, 0, tally(3, 1, 2), None),
            (Mode::AllSucceeded, 0, tally(3, 0, 3), Some(Verdict::Met)),
            (Mode::AllSucceeded, 0, tally(3, 2, 0), Some(Verdict::Missed)),
            (Mode::Quorum, 2, tally(3, 3, 0), None),
            (Mode::Quorum, 2, tally(3, 1, 1), None),
            (Mode::Quorum, 2, tally(3, 1, 2), Some(Verdict::Met)),
            (Mode::Quorum, 2, tally(3, 1, 0), Some(Verdict::Missed)),
            (Mode::Quorum, 1, tally(1, 0, 0), Some(Verdict::Missed)),
        ] {
            assert_eq!(join(mode, minimum).verdict(tally), verdict, "{mode:?} {minimum} {tally:?}");
        }
    }

    /// Every order of every mix of ends: exactly one update decides, in every mode.
    #[test]
    fn exactly_one_update_decides() {
        for total in 1..=5_u32 {
            for mix in 0..3_u32.pow(total) {
                let ends = (0..total).map(|n| match mix / 3_u32.pow(n) % 3 {
                    0 => Done,
                    1 => Failed,
                    _ => Expired,
                });
                let ends: Vec<JobStatus> = ends.collect();
                let quorums = (1..=total).map(|minimum| join(Mode::Quorum, minimum));
                for join in quorums.chain([join(Mode::AllFinished, 0), join(Mode::AllSucceeded, 0)]) {
                    let mut tally = Tally::new(total);
                    let mut deciders = 0;
                    for end in &ends {
                        tally.remaining -= 1;
                        tally.succeeded += u32::from(*end == Done);
                        deciders += u32::from(join.is_decided_by(*end, tally));
                    }
                    assert_eq!(deciders, 1, "{join:?} {ends:?}");
                    assert!(join.verdict(tally).is_some());
                }
            }
        }
    }
}
