//! `GET /crawl/export`: a network as a file, written a piece at a time.

use std::{ops::Bound, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures_util::{
    Stream, StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream, once},
};

use super::{
    super::{
        Api,
        problem::Problem,
        query::{Known, Query, bad},
    },
    Network, wanted,
};
use crate::{
    broker::BrokerError,
    crawl::{
        Filter, Node, PARTS, Store, Summary, View,
        export::{
            CSV_HEAD, Domain, Format, GRAPHML_FOOT, GRAPHML_HEAD, Signer, Tree, csv_line, graphml_edge, graphml_node,
            nodes_json_entry, record_line,
        },
    },
    discv5::NodeId,
    secret::load_key,
};

/// Nodes that are written at a time.
const PIECE: usize = 200;

/// Why a file broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

type Text = BoxStream<'static, Result<String, Broken>>;

/// The nodes that go into a file. Cheap to clone.
#[derive(Clone)]
struct Chosen {
    view: Arc<View>,
    filter: Arc<Filter>,
    store: Store,
}

/// Writes a network.
pub(crate) async fn export(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    let names = [&["network", "format", "domain"][..], &wanted::NAMES].concat();
    let query = query.only(&names)?;
    let format: Format = query.parsed("format")?.ok_or_else(|| bad("format is missing"))?;
    let domain = domain(&query, format)?;
    let filter = Arc::new(wanted::filter(&query)?);
    let Network { name, store } = api.crawls.network(&query).await?;
    let view = api.crawls.library.view(&name, &store).await?.value;
    let chosen = Chosen { view, filter, store };
    let text = match (format, domain) {
        (Format::EnrTree, Some(domain)) => tree(&api, chosen, domain).await?,
        (Format::NodesJson | Format::EnrTree, _) => nodes_json(chosen),
        (Format::Csv, _) => table(chosen),
        (Format::JsonLines, _) => lines(chosen),
        (Format::GraphMl, _) => graph(chosen),
    };
    let body = text.inspect_err(|error| tracing::warn!(%error, "an export broke off"));
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.file_ending());
    let headers = [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A tree, and nothing else, needs a domain.
fn domain(query: &Known, format: Format) -> Result<Option<Domain>, Problem> {
    match (query.parsed::<Domain>("domain")?, format) {
        (None, Format::EnrTree) => Err(bad("domain is missing: under which name will the tree stand?")),
        (Some(_), format) if format != Format::EnrTree => Err(bad("domain: only an enrtree has one")),
        (domain, _) => Ok(domain),
    }
}

fn nodes_json(chosen: Chosen) -> Text {
    let mut separator = "";
    let any = chosen.after(None).next().is_some();
    let entries = chosen.pieces().map(move |nodes| {
        let mut text = String::new();
        for node in &nodes {
            text.push_str(separator);
            text.push_str(&nodes_json_entry(node)?);
            separator = ",";
        }
        Ok(text)
    });
    framed("{".into(), entries, if any { "\n}" } else { "}" })
}

fn table(chosen: Chosen) -> Text {
    let write = |nodes: &[Node], degrees: &[u64]| {
        Ok(nodes.iter().zip(degrees).map(|(node, degree)| csv_line(node, *degree)).collect())
    };
    framed(CSV_HEAD.into(), with_degrees(chosen, write), "")
}

fn lines(chosen: Chosen) -> Text {
    let write = |nodes: &[Node], degrees: &[u64]| {
        let line = |(node, degree): (&Node, &u64)| Ok(serde_json::to_string(&Summary::live(node, *degree))? + "\n");
        nodes.iter().zip(degrees).map(line).collect()
    };
    framed(String::new(), with_degrees(chosen, write), "")
}

fn graph(chosen: Chosen) -> Text {
    let nodes = chosen.clone().pieces().map(|nodes| Ok(nodes.iter().map(graphml_node).collect()));
    // A part at a time: the edges are most of a network.
    let edges = stream::iter(0..PARTS).then(move |part| edges(chosen.clone(), part));
    framed(GRAPHML_HEAD.into(), nodes.chain(edges), GRAPHML_FOOT)
}

/// Who of one part told of whom, as far as both go into the file.
async fn edges(chosen: Chosen, part: u8) -> Result<String, Broken> {
    let mut told = chosen.store.neighbours(part).await?;
    told.retain(|(from, _)| chosen.holds(*from));
    told.sort_unstable_by_key(|(from, _)| *from);
    // A hash that is read while it changes may show an entry twice.
    told.dedup_by_key(|(from, _)| *from);
    let mut text = String::new();
    for (from, to) in &told {
        to.iter().filter(|to| chosen.holds(**to)).for_each(|to| text.push_str(&graphml_edge(*from, *to)));
    }
    Ok(text)
}

/// A tree of all chosen nodes. Which epoch it is of says which of two is newer.
async fn tree(api: &Api, chosen: Chosen, domain: Domain) -> Result<Text, Problem> {
    let file = api.config.enrtree_key_file();
    let (from, name) = (chosen.clone(), domain.clone());
    let making = tokio::task::spawn_blocking(move || {
        let key = load_key(&file).map_err(|error| Problem::internal(&error))?;
        let signer = Signer::new(key).ok_or_else(|| Problem::internal(&"enrtree.key is no secp256k1 key"))?;
        let records = from.after(None).map(|node| &node.enr);
        Ok::<_, Problem>(Tree::of(records, from.view.number("epoch"), &signer).head(&name, &signer))
    });
    let head = making.await.map_err(|error| Problem::internal(&error))??;
    let leaves =
        chosen.pieces().map(move |nodes| Ok(nodes.iter().map(|node| record_line(&node.enr, &domain)).collect()));
    Ok(framed(head, leaves, ""))
}

/// A head, pieces and a foot.
fn framed(
    head: String,
    pieces: impl Stream<Item = Result<String, Broken>> + Send + 'static,
    foot: &'static str,
) -> Text {
    once(async { Ok(head) }).chain(pieces).chain(once(async move { Ok(foot.to_owned()) })).boxed()
}

/// Pieces of nodes with how many neighbours each told of.
fn with_degrees(
    chosen: Chosen,
    write: impl Fn(&[Node], &[u64]) -> Result<String, Broken> + Clone + Send + Sync + 'static,
) -> impl Stream<Item = Result<String, Broken>> + Send + 'static {
    let store = chosen.store.clone();
    chosen.pieces().then(move |nodes| {
        let (store, write) = (store.clone(), write.clone());
        async move {
            let ids: Vec<NodeId> = nodes.iter().map(|node| node.enr.id()).collect();
            write(&nodes, &store.degrees(&ids).await?)
        }
    })
}

impl Chosen {
    /// Whether a node goes into the file.
    fn holds(&self, id: NodeId) -> bool {
        self.view.nodes.get(&id).is_some_and(|node| self.filter.fits(node))
    }

    /// The nodes after this one, by id.
    fn after(&self, last: Option<NodeId>) -> impl Iterator<Item = &Node> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.view.nodes.range((from, Bound::Unbounded)).map(|(_, node)| node).filter(|node| self.filter.fits(node))
    }

    /// All of them, some at a time.
    fn pieces(self) -> impl Stream<Item = Vec<Node>> + Send + 'static {
        stream::unfold((self, None), async |(chosen, last)| {
            let nodes: Vec<Node> = chosen.after(last).take(PIECE).cloned().collect();
            let last = nodes.last()?.enr.id();
            Some((nodes, (chosen, Some(last))))
        })
    }
}
