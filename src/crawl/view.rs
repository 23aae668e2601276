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
