//! `GET /crawl/node`

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{
        Api,
        problem::{Code, Problem},
        query::{Query, bad},
    },
    Network,
};
use crate::{
    crawl::{Candidate, Contents, Gone, Node, Summary, Time},
    discv5::{NodeId, Record},
};

/// Neighbours of one kind that are named.
const MAX_NEIGHBOURS: usize = 1000;

/// Everything about a node.
#[derive(Serialize)]
pub(crate) struct Shown {
    network: String,
    #[serde(flatten)]
    node: Summary,
    record: Contents,
    neighbour_ids: Neighbours,
    history: Vec<Former>,
    #[serde(skip_serializing_if = "Option::is_none")]
    curve: Option<Vec<u32>>,
}

/// Whom it told of, and who told of it.
#[derive(Serialize)]
struct Neighbours {
    out: Vec<NodeId>,
    r#in: Vec<NodeId>,
    in_count: usize,
    as_of: String,
}

/// A record it had before.
#[derive(Serialize)]
struct Former {
    seq: u64,
    enr: String,
    until: Time,
}

/// What there is under an id.
struct Found {
    summary: Summary,
    record: Record,
    curve: Option<Vec<u32>>,
}

/// Reads a node.
pub(crate) async fn node(State(api): State<Api>, query: Query) -> Result<Json<Shown>, Problem> {
    let query = query.only(&["network", "id"])?;
    let id: NodeId = query.parsed("id")?.ok_or_else(|| bad("id is missing"))?;
    let network = api.crawls.network(&query).await?;
    let mut out = network.store.told_by(id).await?;
    let found = find(&network, id, out.len() as u64).await?;
    let found = found.ok_or_else(|| Problem::new(Code::UnknownNode, "nobody told of it, or it is forgotten by now"))?;
    let graph = api.crawls.library.graph(&network.name, &network.store).await?;
    let mut named_by: Vec<NodeId> = graph.value.named_by(id).collect();
    let in_count = named_by.len();
    named_by.sort_unstable();
    named_by.truncate(MAX_NEIGHBOURS);
    out.truncate(MAX_NEIGHBOURS);
    let as_of = format!("{:.3}", graph.as_of);
    Ok(Json(Shown {
        network: network.name.to_string(),
        node: found.summary,
        record: Contents::of(&found.record),
        neighbour_ids: Neighbours { out, r#in: named_by, in_count, as_of },
        history: history(&network, id).await?,
        curve: found.curve,
    }))
}

async fn find(network: &Network, id: NodeId, neighbours: u64) -> Result<Option<Found>, Problem> {
    let store = &network.store;
    if let Some(json) = store.entry::<String>("nodes", id).await? {
        let node: Node = read(&json)?;
        let summary = Summary::live(&node, neighbours);
        return Ok(Some(Found { summary, record: node.enr, curve: Some(node.curve) }));
    }
    // One that has left is a candidate too; what it was says more.
    if let Some(json) = store.entry::<String>("gone", id).await? {
        let gone: Gone = read(&json)?;
        let summary = Summary::gone(&gone);
        return Ok(Some(Found { summary, record: gone.node.enr, curve: Some(gone.node.curve) }));
    }
    let Some(json) = store.entry::<String>("candidates", id).await? else { return Ok(None) };
    let candidate: Candidate = read(&json)?;
    Ok(Some(Found { summary: Summary::candidate(&candidate), record: candidate.enr, curve: None }))
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Problem> {
    serde_json::from_str(json).map_err(|error| Problem::internal(&error))
}

/// Its former records, the oldest first. A line that cannot be read is left out.
async fn history(network: &Network, id: NodeId) -> Result<Vec<Former>, Problem> {
    let lines: Option<String> = network.store.entry("history", id).await?;
    let former = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        let enr = line.get("enr")?.as_str()?.to_owned();
        Some(Former { seq: line.get("seq")?.as_u64()?, enr, until: Time(line.get("until")?.as_u64()?) })
    };
    Ok(lines.unwrap_or_default().lines().filter_map(former).collect())
}
