//! What is wrong with the nodes, as a function of how the last polls went. An alarm is raised once and cleared once.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::model::{INITIALIZING, Node};

/// Polls in a row without an answer until a node that has answered before counts as silent.
const SILENT_AFTER: u32 = 3;

/// What may be wrong.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// A node does not answer.
    NodeSilent,
    /// A node is behind the others, or still initialising.
    NodeOutOfSync,
    /// No node answers: the Network stays as it was.
    AllNodesDown,
}

/// Of what an alarm is: its kind, and the URL of the node; empty for all nodes together.
pub type AlarmKey = (AlarmKind, String);

/// Alarms that are on, each with a sentence.
pub type Alarms = BTreeMap<AlarmKey, String>;

/// How the polls of one node went.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// What it said when it last answered.
    pub said: Option<Arc<Node>>,
    /// Polls in a row that failed.
    pub failures: u32,
    /// Why the last one failed.
    pub reason: Option<String>,
}

impl Health {
    fn is_silent(&self) -> bool {
        self.failures >= SILENT_AFTER || (self.failures > 0 && self.said.is_none())
    }
}

/// The alarms that are on, given those that were. `max_lag` is in blocks.
pub fn alarms<'a>(nodes: impl Iterator<Item = (&'a str, &'a Health)> + Clone, max_lag: u64, on: &Alarms) -> Alarms {
    let mut alarms = Alarms::new();
    let best = nodes.clone().filter(|(_, health)| !health.is_silent()).filter_map(|(_, health)| height(health)).max();
    for (url, health) in nodes.clone() {
        let key = |kind| (kind, url.to_owned());
        if health.is_silent() {
            let reason = health.reason.as_deref().unwrap_or("no reason is known");
            alarms.insert(key(AlarmKind::NodeSilent), format!("{url} does not answer: {reason}"));
            continue;
        }
        let out_of_sync = key(AlarmKind::NodeOutOfSync);
        // One at the border shall not be told of again and again: what is behind must catch up well.
        let bound = if on.contains_key(&out_of_sync) { max_lag / 2 } else { max_lag };
        let lag = best.zip(height(health)).map_or(0, |(best, height)| best.saturating_sub(height));
        if health.said.as_ref().is_some_and(|node| node.state == INITIALIZING) {
            alarms.insert(out_of_sync, format!("{url} is initialising"));
        } else if lag > bound {
            alarms.insert(out_of_sync, format!("{url} is behind by {lag} blocks"));
        }
    }
    let mut polled = nodes.filter(|(_, health)| health.failures > 0 || health.said.is_some()).peekable();
    if polled.peek().is_some() && polled.all(|(_, health)| health.failures > 0) {
        let text = "no node answers; the Network stays as it was last known";
        alarms.insert((AlarmKind::AllNodesDown, String::new()), text.into());
    }
    alarms
}

fn height(health: &Health) -> Option<u64> {
    health.said.as_ref()?.best_block.as_ref().map(|block| block.height)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{model::Block, samples},
        *,
    };

    fn at(height: u64) -> Health {
        let node = samples::node(1);
        let said = Node { best_block: Some(Block { height, id: "b".into() }), ..node };
        Health { said: Some(said.into()), ..Health::default() }
    }

    fn failed(health: &Health, failures: u32) -> Health {
        Health { failures, reason: Some("refused".into()), ..health.clone() }
    }

    fn kinds(nodes: &[Health], on: &Alarms) -> Alarms {
        let urls: Vec<String> = (0..nodes.len()).map(|n| format!("n{n}")).collect();
        alarms(urls.iter().map(String::as_str).zip(nodes), 10, on)
    }

    fn names(alarms: &Alarms) -> Vec<(AlarmKind, &str)> {
        alarms.keys().map(|(kind, url)| (*kind, url.as_str())).collect()
    }

    #[test]
    fn what_is_wrong_is_told() {
        use AlarmKind::{AllNodesDown, NodeOutOfSync, NodeSilent};
        let good = at(100);
        let starting = Health {
            said: at(100).said.map(|node| Node { state: INITIALIZING.into(), ..Node::clone(&node) }.into()),
            ..Health::default()
        };
        let never = Health { failures: 1, ..Health::default() };
        for (nodes, wrong) in [
            (&[][..], &[][..]),
            (&[Health::default()], &[]),
            (&[good.clone(), good.clone()], &[]),
            (&[good.clone(), failed(&good, 2)], &[]),
            (&[good.clone(), failed(&good, 3)], &[(NodeSilent, "n1")]),
            (&[good.clone(), never.clone()], &[(NodeSilent, "n1")]),
            (&[good.clone(), at(90), at(89), starting], &[(NodeOutOfSync, "n2"), (NodeOutOfSync, "n3")]),
            (&[failed(&good, 1), failed(&good, 2)], &[(AllNodesDown, "")]),
            (&[failed(&good, 3), never], &[(NodeSilent, "n0"), (NodeSilent, "n1"), (AllNodesDown, "")]),
        ] {
            assert_eq!(names(&kinds(nodes, &Alarms::new())), wrong, "{nodes:?}");
        }
    }

    #[test]
    fn who_is_behind_must_catch_up_well() {
        let mut on = Alarms::new();
        for (height, is_on) in [(90, false), (89, true), (90, true), (94, true), (95, false), (90, false)] {
            on = kinds(&[at(100), at(height)], &on);
            assert_eq!(!on.is_empty(), is_on, "{height}");
        }
        // The height of one that is silent says nothing about those that are not.
        assert!(kinds(&[failed(&at(500), 3), at(100)], &Alarms::new()).len() == 1);
    }
}
