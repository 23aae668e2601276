//! `GET /crawl/nodes`

use std::ops::Bound;

use axum::{Json, extract::State};
use serde::Serialize;

use super::{
    super::{
        Api,
        problem::Problem,
        query::{Query, bad},
    },
    Network,
    cursor::List,
    wanted,
};
use crate::{
    crawl::{Filter, Gone, Membership, PARTS, Summary, View, part_of},
    discv5::NodeId,
};

/// Nodes a page, unless the client says; and at most.
const LIMITS: (usize, usize) = (50, 500);

/// One page.
#[derive(Serialize)]
pub(crate) struct Page {
    network: String,
    nodes: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Which piece of a list.
struct Piece {
    after: Option<NodeId>,
    limit: usize,
}

/// Lists nodes by id.
pub(crate) async fn nodes(State(api): State<Api>, query: Query) -> Result<Json<Page>, Problem> {
    let names = [&["network", "state", "limit", "cursor"][..], &wanted::NAMES].concat();
    let query = query.only(&names)?;
    let limit = query.parsed("limit")?.unwrap_or(LIMITS.0);
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(bad(format!("limit: expected 1 to {}", LIMITS.1)));
    }
    let state: Membership = query.parsed("state")?.unwrap_or_default();
    let filter = wanted::filter(&query)?;
    let network = api.crawls.network(&query).await?;
    let name = network.name.to_string();
    let texts = ["state"].iter().chain(&wanted::NAMES).map(|name| query.text(name));
    let list = List::of([Some(name.as_str())].into_iter().chain(texts));
    let after = query.text("cursor").map(|cursor| list.read(cursor)).transpose()?;
    // One more than is shown tells whether there are more.
    let piece = Piece { after, limit: limit + 1 };
    let mut nodes = match state {
        Membership::Live => live(&api, &network, &filter, &piece).await?,
        Membership::Candidate => {
            let view = api.crawls.library.view(&network.name, &network.store).await?.value;
            candidates(&view, &filter, &piece)
        }
        Membership::Gone => gone(&network, &filter, &piece).await?,
    };
    let has_more = nodes.len() > limit;
    nodes.truncate(limit);
    let cursor = nodes.last().filter(|_| has_more).map(|last| list.after(last.node_id));
    Ok(Json(Page { network: name, nodes, cursor }))
}

async fn live(api: &Api, network: &Network, filter: &Filter, piece: &Piece) -> Result<Vec<Summary>, Problem> {
    let view = api.crawls.library.view(&network.name, &network.store).await?.value;
    let fitting = view.nodes.range(piece.range()).filter(|(_, node)| filter.fits(node)).take(piece.limit);
    let (ids, nodes): (Vec<NodeId>, Vec<_>) = fitting.map(|(id, node)| (*id, node)).unzip();
    let degrees = network.store.degrees(&ids).await?;
    Ok(nodes.into_iter().zip(degrees).map(|(node, degree)| Summary::live(node, degree)).collect())
}

fn candidates(view: &View, filter: &Filter, piece: &Piece) -> Vec<Summary> {
    let fitting = view.candidates.range(piece.range()).filter(|(_, candidate)| filter.fits_candidate(candidate));
    fitting.take(piece.limit).map(|(_, candidate)| Summary::candidate(candidate)).collect()
}

/// Former members are asked for rarely: they are read when they are, a part of the store at a time. Parts are in the
/// order of the ids in them.
async fn gone(network: &Network, filter: &Filter, piece: &Piece) -> Result<Vec<Summary>, Problem> {
    let mut found = Vec::new();
    for part in piece.after.map_or(0, part_of)..PARTS {
        let mut entries = network.store.entries::<Gone>("gone", part).await?;
        entries.retain(|(id, gone)| piece.after.is_none_or(|after| *id > after) && filter.fits_gone(gone));
        entries.sort_unstable_by_key(|(id, _)| *id);
        // A hash that is read while it changes may show an entry twice.
        entries.dedup_by_key(|(id, _)| *id);
        found.extend(entries.iter().take(piece.limit - found.len()).map(|(_, gone)| Summary::gone(gone)));
        if found.len() == piece.limit {
            break;
        }
    }
    Ok(found)
}

impl Piece {
    fn range(&self) -> (Bound<NodeId>, Bound<NodeId>) {
        (self.after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
    }
}
