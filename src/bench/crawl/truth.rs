//! A crawl beside the truth: which nodes it could find, which of them and of their edges it did find.

use std::collections::{HashMap, HashSet};

use crate::{devnet::synthetic::Row, discv5::NodeId};

/// What a crawl found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Nodes that answered, each with the number of its record.
    pub(super) nodes: HashMap<NodeId, u64>,
    /// Whom each of those who told told of.
    pub(super) edges: HashMap<NodeId, HashSet<NodeId>>,
}

/// A crawl and the truth, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) nodes_true: usize,
    pub(super) nodes_found: usize,
    pub(super) edges_true: usize,
    pub(super) edges_found: usize,
    pub(super) edges_forged: usize,
}

/// Compares what was found with what is true. Found can be who answers and is led to from the first row by others who
/// answer, and whomever they tell of.
pub(super) fn compare(truth: &[Row], found: &Found) -> Comparison {
    let mut comparison = Comparison::default();
    for row in reachable(truth) {
        comparison.nodes_true += 1;
        comparison.nodes_found += usize::from(found.nodes.contains_key(&row.id));
        comparison.edges_true += row.tells.len();
        let Some(told) = found.edges.get(&row.id) else { continue };
        let true_ones = row.tells.iter().filter_map(|place| truth.get(*place as usize));
        let both = true_ones.filter(|other| told.contains(&other.id)).count();
        comparison.edges_found += both;
        comparison.edges_forged += told.len() - both;
    }
    comparison
}

/// The rows that can be found.
pub(super) fn reachable(truth: &[Row]) -> Vec<&Row> {
    let (mut seen, mut rows) = (HashSet::from([0]), Vec::new());
    let mut next = vec![0_u32];
    while let Some(place) = next.pop() {
        let Some(row) = truth.get(place as usize).filter(|row| row.alive) else { continue };
        rows.push(row);
        next.extend(row.tells.iter().filter(|place| seen.insert(**place)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    fn row(number: u8, alive: bool, tells: &[u32]) -> Row {
        Row { id: id(number), enr: String::new(), seq: 1, alive, tells: tells.to_vec() }
    }

    #[test]
    fn what_can_be_found_is_what_answers_and_is_led_to() {
        // The third is dead and leads nowhere; to the last nobody leads.
        let truth = [row(0, true, &[1, 2]), row(1, true, &[0]), row(2, false, &[]), row(3, true, &[0])];
        let mut found = Found::default();
        let all = Comparison { nodes_true: 2, edges_true: 3, ..Comparison::default() };
        assert_eq!(compare(&truth, &found), all);
        found.nodes = HashMap::from([(id(0), 1), (id(1), 1), (id(3), 1)]);
        found.edges = HashMap::from([(id(0), HashSet::from([id(1), id(9)])), (id(1), HashSet::from([id(0)]))]);
        let some = Comparison { nodes_found: 2, edges_found: 2, edges_forged: 1, ..all };
        assert_eq!(compare(&truth, &found), some);
    }
}
