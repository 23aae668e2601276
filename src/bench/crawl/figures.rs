//! What was measured, and what it is held to.

use serde::Serialize;

/// What one scene showed.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names say it, with the unit")]
pub struct Figures {
    pub scene: String,
    /// Nodes that answer and that a chain of answering nodes leads to.
    pub nodes_true: usize,
    /// Of those, how many were found.
    pub nodes_found: usize,
    /// Pairs of such a node and one it tells of.
    pub edges_true: usize,
    pub edges_found: usize,
    /// Pairs that nobody told of truly.
    pub edges_forged: usize,
    pub seconds: f64,
    pub nodes_per_s: f64,
    pub cpu_ms_per_node: f64,
    pub packets_per_node: f64,
    pub bans: u64,
    pub bars: Vec<Bar>,
}

/// A promise, and whether it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// What is promised.
    pub name: String,
    /// What it is.
    pub is: f64,
    /// How it is compared.
    pub rule: Rule,
    /// With what.
    pub bound: f64,
    /// Whether it is kept.
    pub met: bool,
}

/// How a figure is compared with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Not more.
    AtMost,
    /// Not less.
    AtLeast,
}

impl Figures {
    /// How much of the edges was found, in percent.
    pub fn recall_percent(&self) -> f64 {
        percent(self.edges_found, self.edges_true)
    }

    /// Holds a figure to a bound.
    pub(super) fn bar(&mut self, name: &str, is: f64, rule: Rule, bound: f64) {
        let met = match rule {
            Rule::AtMost => is <= bound,
            Rule::AtLeast => is >= bound,
        };
        self.bars.push(Bar { name: name.to_owned(), is, rule, bound, met });
    }

    /// Every node that can be found was, and every edge of theirs.
    pub(super) fn bar_all_found(&mut self) {
        self.bar("nodes found, %", percent(self.nodes_found, self.nodes_true), Rule::AtLeast, 100.0);
        self.bar("edges found, %", self.recall_percent(), Rule::AtLeast, 100.0);
    }
}

/// All of nothing is everything.
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { 100.0 * part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_met_at_their_bounds_and_not_beyond() {
        let mut figures = Figures::default();
        for (is, rule, met) in [
            (1.0, Rule::AtMost, true),
            (1.01, Rule::AtMost, false),
            (1.0, Rule::AtLeast, true),
            (0.99, Rule::AtLeast, false),
            (f64::NAN, Rule::AtMost, false),
        ] {
            figures.bar("a bar", is, rule, 1.0);
            assert_eq!(figures.bars.pop().map(|bar| bar.met), Some(met), "{is} {rule:?}");
        }
        (figures.edges_true, figures.edges_found) = (1000, 999);
        figures.bar_all_found();
        assert_eq!(figures.bars.iter().map(|bar| bar.met).collect::<Vec<_>>(), [true, false]);
    }
}
