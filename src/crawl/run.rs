//! A crawl as a job: from its bootnodes to its report.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6, UdpSocket};

use super::{
    address::Reach,
    bootnodes,
    member::{End, Member},
    metrics::{as_float, rounded},
    mirror::Mirror,
    plan::Plan,
    record::Row,
    report::{Circumstances, Report},
    stats::Stats,
    store::{Directory, NetworkName, Store},
    view::{Graph, View},
};
use serde_json::{Map, Value};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::{
    broker::BrokerError,
    discv5::{self, Client, NodeId, Pace, Record},
    platform::{Context, Failure, Result, Tag},
};

/// Rows written at a time.
const PIECE: usize = 200;

/// Crawls from these bootnodes (`enr:…`; none means those of Ethereum mainnet).
///
/// It has a thread of its own: packets, questions and answers are many small steps, which on several threads would wake
/// each other across them all the time.
pub async fn crawl(job: &Context, given: &[String], plan: Plan) -> Result<Report> {
    let (bootnodes, reach) = bootnodes::choose(given, job.network())?;
    let name = plan.network.clone().unwrap_or_else(|| match given {
        [] => NetworkName::mainnet(),
        _ => NetworkName::of(bootnodes.iter().map(Record::id)),
    });
    let (job, dropped) = (job.clone(), CancellationToken::new());
    // A run that is aborted does not wait for its thread, but ends it.
    let _guard = dropped.clone().drop_guard();
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::transient("crawl_thread", error.to_string()))?;
        runtime.block_on(async {
            tokio::select! {
                report = alone(&job, bootnodes, reach, &name, &plan) => report,
                () = dropped.cancelled() => Err(Failure::transient("aborted", "the crawl was aborted")),
            }
        })
    });
    thread.await.map_err(|error| Failure::fatal("crawl_thread", error.to_string()))?
}

async fn alone(job: &Context, bootnodes: Vec<Record>, reach: Reach, name: &NetworkName, plan: &Plan) -> Result<Report> {
    let redis = job.redis()?;
    let directory = Directory::new(redis.broker.clone(), redis.shards);
    let store = directory.enter(name, plan.keep).await?;
    let client = Client::start(client_config(reach, plan))?;
    job.metadata("network", name.to_string()).await;
    let mirror = match &plan.storage {
        Some(storage) => Some(Mirror::open(storage, name.to_string(), store.clone(), job.network()).await?),
        None => None,
    };
    let mut member = Member::join(job, plan, reach, bootnodes, client.clone(), store.clone(), mirror).await?;
    directory.confirm(name, &store).await?;
    if let Some(root) = member.leads() {
        for helper in 1..plan.shards {
            let changes = Map::from_iter([("helps".to_owned(), Value::from(root))]);
            job.twin(&format!("{root}/{helper}"), changes).await?;
        }
    }
    let ran = member.run().await;
    member.leave().await;
    let end = ran?;
    member.finish_mirror().await?;
    let here = Circumstances {
        network: name.to_string(),
        end,
        overflowed: member.overflowed,
        resumed: member.resumed,
        bad_records: client.counters().bad_records + client.counters().wrong_distances,
        answered: member.answered(),
        took: member.took(),
    };
    drop(member);
    let rows = if plan.root.is_none() { Rows::Written } else { Rows::LeftToTheLeader };
    report(job, &store, here, rows).await
}

/// Whether a job writes the network's nodes into its dataset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Written,
    LeftToTheLeader,
}

/// Reads the network as it is now, writes its nodes into the dataset, and adds up.
async fn report(job: &Context, store: &Store, here: Circumstances, rows: Rows) -> Result<Report> {
    let (view, graph) = (View::load(store).await?, Graph::load(store).await?);
    let report = Report::of(&view, Stats::of(&view, &graph), here.clone());
    if report.reachable == 0 && here.end == End::Over {
        return Err(Failure::transient("no_bootnode_answered", "none of the bootnodes answered"));
    }
    let ids: Vec<NodeId> = match rows {
        Rows::Written => view.nodes.keys().chain(view.candidates.keys()).copied().collect(),
        Rows::LeftToTheLeader => Vec::new(),
    };
    for piece in ids.chunks(PIECE) {
        let rows: Vec<Row> = piece.iter().filter_map(|id| row(&view, &graph, *id)).collect();
        job.dataset(Tag::Processed, &rows).await?;
    }
    let found = format!(
        "{} nodes found in {} s: {} reachable, {} unreachable, {} refused",
        report.found, report.duration_s, report.reachable, report.unreachable, report.refused
    );
    let message = match rows {
        Rows::Written => found,
        Rows::LeftToTheLeader => format!("helped with {} answers; all together: {found}", here.answered),
    };
    job.progress(1.0, message).await;
    Ok(report)
}

fn row(view: &View, graph: &Graph, id: NodeId) -> Option<Row> {
    if let Some(node) = view.nodes.get(&id) {
        return Some(Row {
            reachable: Some(node.answered >= view.number("epoch")),
            rtt_ms: Some(rounded(as_float(node.rtt_us) / 1000.0)),
            neighbours: graph.neighbours(id).collect(),
            ..Row::unasked(&node.enr)
        });
    }
    let candidate = view.candidates.get(&id)?;
    Some(Row { reachable: (candidate.asked > 0).then_some(false), ..Row::unasked(&candidate.enr) })
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        Self::transient("store", error.to_string())
    }
}

fn client_config(reach: Reach, plan: &Plan) -> discv5::Config {
    // A socket on loopback cannot leave this machine, whatever a record says.
    let (v4, v6) = match reach {
        Reach::Loopback => (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
        Reach::Public => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
    };
    discv5::Config {
        ipv4: Some(SocketAddrV4::new(v4, 0)),
        // A machine may have no IPv6 at all.
        ipv6: UdpSocket::bind((v6, 0)).is_ok().then(|| SocketAddrV6::new(v6, 0, 0, 0)),
        request_timeout: plan.request_timeout,
        retries: plan.retries,
        // Nobody on this machine has to share an address with others.
        ip_pace: (reach == Reach::Public).then_some(Pace::POLITE),
        sessions: plan.max_nodes,
        questions: 2 * plan.concurrency,
        records: 2 * plan.max_nodes,
        ..discv5::Config::default()
    }
}

impl From<discv5::StartError> for Failure {
    fn from(error: discv5::StartError) -> Self {
        Self::transient("discovery_start", error.to_string())
    }
}
