//! What a job says of its work: alarms, metadata, and its report.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::{
    aggregator::Aggregator,
    known::{Entry, Known},
};
use crate::{
    broker::BrokerError,
    network::{
        alarms::{AlarmKind, Alarms, alarms},
        discovery::{Search, Tried},
        model::Network,
        plan::Plan,
        store::Stored,
    },
    platform::Context,
};

/// Nodes that metadata names, those that fail first.
const NAMED: usize = 40;
/// Hosts that a report names.
const TRIED: usize = 200;
/// Characters of a reason.
const MAX_REASON: usize = 200;

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct Teller {
    alarms: Alarms,
    raised: u64,
}

/// The result of a job.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the Network's keys begin with.
    prefix: String,
    /// The revision of the Network there is.
    revision: u64,
    /// Nodes in it.
    nodes: usize,
    /// Peers in it.
    peers: usize,
    /// Nodes that this job polled, by URL.
    polled: Vec<Polled>,
    /// Revisions that this job saved.
    saves: u64,
    /// Merges that it took.
    merges: u64,
    /// Alarms that were raised.
    raised: u64,
    /// Alarms that are on.
    alarms: Vec<String>,
    /// What the search for further nodes came to, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery: Option<Discovery>,
}

/// What the search for further nodes came to.
#[derive(Debug, Serialize)]
struct Discovery {
    /// Hosts that are known.
    candidates: usize,
    /// Those that are nodes of the network.
    nodes: usize,
    /// What became of some that were tried: where it is a node, or why not.
    tried: Vec<Tried>,
}

/// How the polls of one node went.
#[derive(Clone, Debug, Serialize)]
struct Polled {
    url: String,
    id: Option<String>,
    state: Option<String>,
    height: Option<u64>,
    polls: u64,
    failed: u64,
    /// Of the last answer.
    latency_ms: Option<u64>,
    /// The class of the last error, if it was no answer.
    error: Option<&'static str>,
    reason: Option<String>,
    /// Peers in the last answer that could not be read.
    skipped_peers: u64,
}

impl Teller {
    /// Raises and clears alarms, and says how the polls go.
    pub(super) async fn say(
        &mut self,
        job: &Context,
        plan: &Plan,
        known: &Known,
        aggregator: &Aggregator,
        search: Option<&Search>,
    ) -> Result<(), BrokerError> {
        let now = alarms(known.health(), plan.max_lag, &self.alarms);
        let off: Alarms = difference(&self.alarms, &now);
        let on: Alarms = difference(&now, &self.alarms);
        for (text, verb) in on.values().map(|text| (text, "raised")).chain(off.values().map(|text| (text, "cleared"))) {
            job.log(format!("alarm {verb}: {text}")).await;
        }
        self.raised += on.len() as u64;
        if !(on.is_empty() && off.is_empty()) {
            let list: Vec<_> = now
                .iter()
                .take(NAMED)
                .map(|((kind, url), text)| json!({ "kind": kind, "node": named(*kind, url), "text": short(text) }))
                .collect();
            job.metadata("alarms", list).await;
        }
        self.alarms.clone_from(&now);
        let answering = known.health().filter(|(_, health)| health.said.is_some() && health.failures == 0).count();
        let all = known.entries.len();
        let mut polled: Vec<Polled> = known.entries.iter().map(|(url, entry)| Polled::of(url, entry)).collect();
        polled.sort_by_key(|polled| polled.error.is_none());
        polled.truncate(NAMED);
        job.metadata("nodes", json!({ "polled": all, "answering": answering, "some": polled })).await;
        if let Some(search) = search {
            job.metadata("discovery", json!(Discovery::of(search, NAMED / 2))).await;
        }
        let peers = aggregator.peers();
        let share = progress(known, plan);
        job.progress(share, format!("{answering} of {all} nodes answer, {peers} peers")).await;
        aggregator.store().tell_alarms(&now, &off).await
    }

    pub(super) fn report(
        &self,
        plan: &Plan,
        known: &Known,
        aggregator: &Aggregator,
        search: Option<&Search>,
        stored: &Stored,
    ) -> Report {
        let network: Network = serde_json::from_str(&stored.json).unwrap_or_default();
        Report {
            prefix: plan.prefix.to_string(),
            revision: stored.revision,
            nodes: network.nodes.len(),
            peers: network.peers.len(),
            polled: known.entries.iter().map(|(url, entry)| Polled::of(url, entry)).collect(),
            saves: aggregator.saves,
            merges: aggregator.merges,
            raised: self.raised,
            alarms: self.alarms.values().cloned().collect(),
            discovery: search.map(|search| Discovery::of(search, TRIED)),
        }
    }
}

impl Report {
    /// In a sentence.
    pub(super) fn summary(&self) -> String {
        let Self { nodes, peers, revision, .. } = self;
        format!("{nodes} nodes and {peers} peers; revision {revision}")
    }
}

impl Discovery {
    fn of(search: &Search, most: usize) -> Self {
        let (candidates, nodes, tried) = search.report(most);
        Self { candidates, nodes, tried }
    }
}

impl Polled {
    fn of(url: &str, entry: &Entry) -> Self {
        let said = entry.health.said.as_ref();
        Self {
            url: url.to_owned(),
            id: said.map(|node| node.id.clone()),
            state: said.map(|node| node.state.clone()),
            height: said.and_then(|node| Some(node.best_block.as_ref()?.height)),
            polls: entry.polls,
            failed: entry.failed,
            latency_ms: entry.took.and_then(|took| u64::try_from(took.as_millis()).ok()),
            error: entry.error,
            reason: entry.health.reason.as_deref().map(short),
            skipped_peers: entry.skipped,
        }
    }
}

/// What is in `some` and not in `others`.
fn difference(some: &Alarms, others: &Alarms) -> Alarms {
    some.iter()
        .filter(|(key, _)| !others.contains_key(key))
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect::<BTreeMap<_, _>>()
}

fn named(kind: AlarmKind, url: &str) -> Option<&str> {
    (kind != AlarmKind::AllNodesDown).then_some(url)
}

fn short(text: &str) -> String {
    text.chars().take(MAX_REASON).collect()
}

/// How much of the polls is done; polling for ever has no fraction.
#[expect(clippy::cast_precision_loss, reason = "a fraction for people")]
fn progress(known: &Known, plan: &Plan) -> f64 {
    let done: u64 = known.entries.values().map(|entry| entry.polls).sum();
    let all = plan.rounds.saturating_mul(known.entries.len() as u64);
    if all == 0 { 0.0 } else { (done as f64 / all as f64).min(1.0) * 0.99 }
}
