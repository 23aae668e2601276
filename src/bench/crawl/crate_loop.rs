//! What the crawl is compared with: a loop around the `discv5` crate, as most crawlers in Rust are. Every node is asked
//! for its own record and for each of the 17 farthest buckets.
//!
//! The crate hands over the first NODES packet of an answer only, so that this finds a part of the edges.

use std::{
    collections::HashSet,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use ::discv5::{ConfigBuilder, Discv5, Enr, ListenConfig};
use anyhow::anyhow;
use enr::CombinedKey;
use tokio::{net::UdpSocket, task::JoinSet};

use super::{own::cpu, truth::Found};
use crate::discv5::NodeId;

/// Nodes asked at the same time: with more, the crate loses answers.
const CONCURRENCY: usize = 64;
const FARTHEST: u64 = 256;
const BUCKETS: u64 = 17;
/// What the kernel may keep for the crate; the default drops answers.
const RECEIVE_BUFFER: usize = 4 << 20;

/// What the loop cost, and what it found.
#[derive(Debug)]
pub(super) struct Crawled {
    pub(super) found: Found,
    pub(super) took: Duration,
    pub(super) cpu: Duration,
}

/// Crawls from this node.
pub(super) async fn crawl(bootnode: &str) -> anyhow::Result<Crawled> {
    let (start, before) = (Instant::now(), cpu());
    let client = Arc::new(client().await?);
    let first: Enr = bootnode.parse().map_err(|error| anyhow!("not a record: {error}"))?;
    let (mut seen, mut found) = (HashSet::from([first.node_id()]), Found::default());
    let (mut waiting, mut asking) = (vec![first], JoinSet::new());
    loop {
        while asking.len() < CONCURRENCY
            && let Some(node) = waiting.pop()
        {
            let client = Arc::clone(&client);
            asking.spawn(async move { (node.clone(), drain(&client, &node).await) });
        }
        let Some(asked) = asking.join_next().await else { break };
        let (node, told) = asked?;
        let Some(told) = told else { continue };
        let id = NodeId(node.node_id().raw());
        found.nodes.insert(id, node.seq());
        found.edges.insert(id, told.iter().map(|record| NodeId(record.node_id().raw())).collect());
        waiting.extend(told.into_iter().filter(|record| seen.insert(record.node_id())));
    }
    Ok(Crawled { found, took: start.elapsed(), cpu: cpu().saturating_sub(before) })
}

/// Everything a node tells; `None` if it says nothing.
async fn drain(client: &Discv5, node: &Enr) -> Option<Vec<Enr>> {
    client.find_node_designated_peer(node.clone(), vec![0]).await.ok()?;
    let mut told = Vec::new();
    for distance in (FARTHEST - BUCKETS + 1..=FARTHEST).rev() {
        told.extend(client.find_node_designated_peer(node.clone(), vec![distance]).await.unwrap_or_default());
    }
    Some(told)
}

async fn client() -> anyhow::Result<Discv5> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
    let listen = ListenConfig::FromSockets { ipv4: Some(Arc::new(socket)), ipv6: None };
    let config = ConfigBuilder::new(listen)
        .disable_enr_update()
        .disable_report_discovered_peers()
        .auto_nat_listen_duration(None)
        .table_filter(|_| false)
        .build();
    let key = CombinedKey::generate_secp256k1();
    let record = Enr::empty(&key).map_err(|error| anyhow!("no record: {error}"))?;
    let mut client = Discv5::new(record, key, config).map_err(|error| anyhow!("no client: {error}"))?;
    client.start().await.map_err(|error| anyhow!("no client: {error}"))?;
    Ok(client)
}
