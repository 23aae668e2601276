//! A network as its store holds it at one time, for whoever reads it: the report of a crawl and the HTTP API.

use std::collections::BTreeMap;

use ahash::HashMap;

use super::{
    node::{Candidate, Node},
    store::{EpochCounts, PARTS, Store},
};
use crate::{broker::BrokerError, discv5::NodeId};

/// Epochs whose counts are shown.
const EPOCHS: u64 = 288;

/// Everything but who is whose neighbour.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// See `about` in the table of the store's keys.
    pub about: BTreeMap<String, String>,
    /// The live set.
    pub nodes: BTreeMap<NodeId, Node>,
    /// Nodes that were only heard of, or have left.
    pub candidates: BTreeMap<NodeId, Candidate>,
    /// How many are remembered as gone.
    pub gone: u64,
    /// The counts of the last epochs, the oldest first.
    pub epochs: Vec<EpochCounts>,
    /// How long nodes stayed: minutes, rounded down to a power of two, and how many.
    pub sessions: BTreeMap<u64, u64>,
    /// What each of those who crawl now measures of its own work, as JSON.
    pub metrics: BTreeMap<String, String>,
}

/// Who told of whom. Nodes go by numbers, so that a hundred neighbours each take little.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    ids: Vec<NodeId>,
    numbers: HashMap<NodeId, u32>,
    told: BTreeMap<u32, Box<[u32]>>,
}

impl View {
    /// Reads it.
    pub async fn load(store: &Store) -> Result<Self, BrokerError> {
        let about = store.about().await?;
        let epoch: u64 = about.get("epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
        let mut view = Self {
            about,
            gone: store.count("gone").await?,
            epochs: store.epochs(epoch.saturating_sub(EPOCHS - 1)..=epoch).await?,
            sessions: store.sessions().await?,
            metrics: store.metrics().await?,
            ..Self::default()
        };
        for part in 0..PARTS {
            view.nodes.extend(store.entries::<Node>("nodes", part).await?);
            view.candidates.extend(store.entries::<Candidate>("candidates", part).await?);
        }
        Ok(view)
    }

    /// A number of `about`; 0 if there is none.
    pub fn number(&self, name: &str) -> u64 {
        self.about.get(name).and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// The counts of all epochs that are shown, together.
    pub fn total(&self, name: &str) -> u64 {
        self.epochs.iter().filter_map(|epoch| epoch.counts.get(name)).sum()
    }
}

impl Graph {
    /// Reads it.
    pub async fn load(store: &Store) -> Result<Self, BrokerError> {
        let mut graph = Self::default();
        for part in 0..PARTS {
            for (id, neighbours) in store.neighbours(part).await? {
                graph.add(id, &neighbours);
            }
        }
        Ok(graph)
    }

    /// A node told of these.
    pub fn add(&mut self, id: NodeId, neighbours: &[NodeId]) {
        let number = self.number(id);
        let told = neighbours.iter().map(|id| self.number(*id)).collect();
        self.told.insert(number, told);
    }

    /// Whom a node told of.
    pub fn neighbours(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let told = self.numbers.get(&id).and_then(|number| self.told.get(number));
        told.into_iter().flatten().filter_map(|number| self.id(*number))
    }

    /// Who told of a node.
    pub fn named_by(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let number = self.numbers.get(&id).copied();
        let names = move |told: &[u32]| number.is_some_and(|number| told.contains(&number));
        self.told.iter().filter_map(move |(by, told)| if names(told) { self.id(*by) } else { None })
    }

    /// Everybody who told of somebody, and of whom.
    pub fn told(&self) -> impl Iterator<Item = (NodeId, impl Iterator<Item = NodeId>)> {
        self.told.iter().filter_map(|(by, told)| Some((self.id(*by)?, told.iter().filter_map(|n| self.id(*n)))))
    }

    /// How many times somebody told of somebody.
    pub fn edges(&self) -> u64 {
        self.told.values().map(|told| told.len() as u64).sum()
    }

    fn id(&self, number: u32) -> Option<NodeId> {
        self.ids.get(usize::try_from(number).ok()?).copied()
    }

    fn number(&mut self, id: NodeId) -> u32 {
        let Self { ids, numbers, .. } = self;
        *numbers.entry(id).or_insert_with(|| {
            ids.push(id);
            u32::try_from(ids.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        broker::Scratch,
        crawl::{
            Directory, NetworkName,
            samples::{candidate, node},
            store::{Batch, Change, Member, part_of},
        },
    };

    fn id(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    #[test]
    fn a_graph_answers_both_ways() {
        let mut graph = Graph::default();
        graph.add(id(1), &[id(2), id(3)]);
        graph.add(id(2), &[id(3), id(9)]);
        graph.add(id(4), &[]);
        // Who, whom it told of, who told of it.
        for (who, out, by) in [
            (1, vec![2, 3], vec![]),
            (2, vec![3, 9], vec![1]),
            (3, vec![], vec![1, 2]),
            (4, vec![], vec![]),
            (9, vec![], vec![2]),
            (77, vec![], vec![]),
        ] {
            let ids = |numbers: Vec<u8>| numbers.into_iter().map(id).collect::<Vec<_>>();
            assert_eq!(graph.neighbours(id(who)).collect::<Vec<_>>(), ids(out), "told by {who}");
            let mut named_by: Vec<NodeId> = graph.named_by(id(who)).collect();
            named_by.sort_unstable();
            assert_eq!(named_by, ids(by), "who told of {who}");
        }
        let told: BTreeMap<NodeId, usize> = graph.told().map(|(by, told)| (by, told.count())).collect();
        assert_eq!(told, BTreeMap::from([(id(1), 2), (id(2), 2), (id(4), 0)]));
        assert_eq!(graph.edges(), 4);
        // Told again, it counts as it is now: a hash that is read while it changes may show an entry twice.
        graph.add(id(1), &[id(4)]);
        assert_eq!((graph.edges(), graph.neighbours(id(1)).collect::<Vec<_>>()), (3, vec![id(4)]));
        assert_eq!(graph.named_by(id(2)).count(), 0);
    }

    #[test]
    fn numbers_are_added_up_where_there_are_any() {
        let mut view = View::default();
        for (name, text) in [("epoch", "7"), ("root", "job:1"), ("last", "-1")] {
            view.about.insert(name.into(), text.into());
        }
        for (name, number) in [("epoch", 7), ("root", 0), ("last", 0), ("none", 0)] {
            assert_eq!(view.number(name), number, "{name}");
        }
        for epoch in 1..=3 {
            let counts = BTreeMap::from([("found".to_owned(), epoch), (format!("only{epoch}"), 9)]);
            view.epochs.push(EpochCounts { epoch, counts });
        }
        assert_eq!((view.total("found"), view.total("only2"), view.total("none")), (6, 9, 0));
    }

    #[tokio::test]
    async fn a_network_is_read_as_it_was_written() {
        let redis = Scratch::start().expect("a redis-server");
        let directory = Directory::new(redis.broker().await.expect("it answers"), 1);
        let keep = std::time::Duration::from_mins(1);
        let store = directory.enter(&NetworkName::mainnet(), keep).await.expect("a store");
        let member = Member { name: "a", root: "job:1", lease: keep, epochs: Some(1) };
        let standing = store.join(&member, r#"{"work":{}}"#, &[]).await.expect("joined");
        let (live, heard, left) = (node(1, 3), candidate(2), node(3, 1));
        let (is, was) = (live.enr.id(), left.enr.id());
        let json = |node: &Node| serde_json::to_string(node).expect("JSON");
        let all = [
            (is, vec![Change::Node(is, json(&live)), Change::Edges(is, was.0.to_vec()), Change::Count("found", 1)]),
            (heard.enr.id(), vec![Change::Candidate(heard.enr.id(), serde_json::to_string(&heard).expect("JSON"))]),
            (was, vec![Change::Gone(was, json(&left)), Change::Session(4), Change::Count("left", 1)]),
        ];
        for (number, (id, changes)) in (1..).zip(all) {
            let part = part_of(id);
            let fence = standing.held.iter().find(|(held, _)| *held == part).expect("all parts").1;
            let batch = Batch { part, fence, number, epoch: 1, changes, ..Batch::default() };
            assert!(store.flush(&batch).await.expect("written"));
            // Sent twice, because the answer was lost, it counts once.
            assert!(store.flush(&batch).await.expect("written"));
        }
        let (view, graph) = (View::load(&store).await.expect("a view"), Graph::load(&store).await.expect("a graph"));
        assert_eq!(view.nodes, BTreeMap::from([(is, live)]));
        assert_eq!(view.candidates, BTreeMap::from([(heard.enr.id(), heard)]));
        assert_eq!((view.gone, view.number("epoch"), view.sessions), (1, 1, BTreeMap::from([(4, 1)])));
        let counts = BTreeMap::from([("found".to_owned(), 1), ("left".to_owned(), 1)]);
        assert_eq!(view.epochs, [EpochCounts { epoch: 1, counts }]);
        assert_eq!(view.metrics.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!((graph.edges(), graph.neighbours(is).collect::<Vec<_>>()), (1, vec![was]));
    }
}
