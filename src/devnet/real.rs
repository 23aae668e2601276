//! A local network to crawl: real discv5 nodes in this process, each on a loopback address of its own.
//!
//! Nodes join as they do elsewhere: they know the bootnode, look themselves up, and so get into each other's tables.
//! Beyond that each is told of the nodes nearest to it, so that nobody depends on luck to be found.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use ::discv5::{ConfigBuilder, Discv5, Enr, ListenConfig};
use enr::CombinedKey;
use futures_util::{StreamExt as _, stream};
use tokio::net::UdpSocket;

/// How many of the nodes nearest to it a new node exchanges records with.
const NEAREST: usize = 6;
/// How many nodes look themselves up at the same time.
const JOINING: usize = 16;
/// Clients that nodes say they are; every other node says nothing.
const CLIENTS: [(&str, &str); 3] = [("lantern", "v1.2.0"), ("harbour", "v0.9.1"), ("meadow", "v3.0.0-rc.1")];
/// The fork that some nodes say they are on: SSZ of digest, next version and next epoch.
const ETH2: [u8; 16] = [0xb5, 0x30, 0x3f, 0x2a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// What a network looks like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Nodes, the bootnode and the dead ones included.
    pub nodes: u16,
    /// Nodes that are in tables and do not answer.
    pub dead: u16,
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// No socket on an address.
    #[error("cannot listen on {0}: {1}")]
    Socket(Ipv4Addr, #[source] std::io::Error),
    /// No node.
    #[error("cannot start a node: {0}")]
    Node(String),
    /// All dead, or nobody at all.
    #[error("a network needs a bootnode that lives: {dead} of {nodes} nodes cannot be dead")]
    Shape {
        /// Wanted.
        nodes: u16,
        /// Wanted dead.
        dead: u16,
    },
}

/// A running network; dropping it ends it.
#[derive(Debug)]
pub struct Devnet {
    /// The first is the bootnode.
    live: Vec<Node>,
    dead: Vec<Enr>,
}

struct Node {
    /// Which of the network's nodes; decides its address and what its record says.
    number: u16,
    key: [u8; 32],
    discv5: Discv5,
}

impl Devnet {
    /// Starts a network; returns when its tables are filled.
    pub async fn start(shape: Shape) -> Result<Self, DevnetError> {
        if shape.dead >= shape.nodes {
            return Err(DevnetError::Shape { nodes: shape.nodes, dead: shape.dead });
        }
        let mut live = Vec::with_capacity(usize::from(shape.nodes));
        for number in 0..shape.nodes {
            live.push(Node::start(number, secret(), 1).await?);
        }
        let mut network = Self { live, dead: Vec::new() };
        for node in &network.live {
            network.introduce(node);
        }
        network.look_up(network.live.iter()).await;
        let alive = network.live.len() - usize::from(shape.dead);
        // They leave without a word: who knows them finds out by asking.
        network.dead = network.live.split_off(alive).iter().map(Node::record).collect();
        Ok(network)
    }

    /// The record to crawl from.
    pub fn bootnode(&self) -> Option<Enr> {
        self.live.first().map(Node::record)
    }

    /// Records of the nodes that answer.
    pub fn live(&self) -> Vec<Enr> {
        self.live.iter().map(Node::record).collect()
    }

    /// Records of the nodes that do not.
    pub fn dead(&self) -> &[Enr] {
        &self.dead
    }

    /// Restarts a tenth of the nodes, one at least but never the bootnode: same identity, another port, a newer record.
    /// Returns the new records.
    pub async fn churn(&mut self) -> Result<Vec<Enr>, DevnetError> {
        let mut restarted = Vec::new();
        if self.live.len() < 2 {
            return Ok(restarted);
        }
        for _ in 0..self.live.len().div_ceil(10) {
            let old = self.live.swap_remove(rand::random_range(1..self.live.len()));
            let (number, key, seq) = (old.number, old.key, old.record().seq() + 1);
            drop(old);
            let node = Node::start(number, key, seq).await?;
            self.introduce(&node);
            self.look_up(std::iter::once(&node)).await;
            restarted.push(node.record());
            self.live.push(node);
        }
        Ok(restarted)
    }

    /// Exchanges records between a node, the bootnode and the nodes nearest to it.
    fn introduce(&self, node: &Node) {
        let (record, id) = (node.record(), node.record().node_id().raw());
        let mut others: Vec<&Node> =
            self.live.iter().filter(|other| other.record().node_id() != record.node_id()).collect();
        others.sort_by_cached_key(|other| {
            let other = other.record().node_id().raw();
            std::array::from_fn::<u8, 32, _>(|i| id.get(i).zip(other.get(i)).map_or(0, |(a, b)| a ^ b))
        });
        for other in others.into_iter().take(NEAREST).chain(self.live.first()) {
            for (knows, known) in [(node, other.record()), (other, record.clone())] {
                // A full bucket, or its own record: both are fine.
                if let Err(reason) = knows.discv5.add_enr(known) {
                    tracing::trace!(reason, "not added to a table");
                }
            }
        }
    }

    /// Lets nodes look themselves up, which is how they get into the tables of others.
    async fn look_up(&self, nodes: impl Iterator<Item = &Node>) {
        let look_ups = nodes.map(|node| node.discv5.find_node(node.record().node_id()));
        let mut found = stream::iter(look_ups.collect::<Vec<_>>()).buffer_unordered(JOINING);
        while let Some(result) = found.next().await {
            if let Err(error) = result {
                tracing::debug!(%error, "a node could not look itself up");
            }
        }
    }
}

impl Node {
    async fn start(number: u16, key: [u8; 32], seq: u64) -> Result<Self, DevnetError> {
        // One /24 each: clients take only a few nodes of one into their tables.
        let [high, low] = number.to_be_bytes();
        let ip = Ipv4Addr::new(127, 16 + high, low, 1);
        let no_socket = |error| DevnetError::Socket(ip, error);
        let socket = UdpSocket::bind((ip, 0)).await.map_err(no_socket)?;
        let port = socket.local_addr().map_err(no_socket)?.port();
        let config = ConfigBuilder::new(ListenConfig::FromSockets { ipv4: Some(Arc::new(socket)), ipv6: None })
            .request_timeout(Duration::from_millis(500))
            .disable_enr_update()
            .auto_nat_listen_duration(None)
            .build();
        let signing = CombinedKey::secp256k1_from_bytes(&mut key.clone())
            .map_err(|error| DevnetError::Node(error.to_string()))?;
        let record = record(number, seq, ip, port, &signing)?;
        let mut discv5 = Discv5::new(record, signing, config).map_err(|error| DevnetError::Node(error.to_owned()))?;
        discv5.start().await.map_err(|error| DevnetError::Node(error.to_string()))?;
        Ok(Self { number, key, discv5 })
    }

    fn record(&self) -> Enr {
        self.discv5.local_enr()
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("number", &self.number).finish_non_exhaustive()
    }
}

fn record(number: u16, seq: u64, ip: Ipv4Addr, port: u16, key: &CombinedKey) -> Result<Enr, DevnetError> {
    let mut builder = Enr::builder();
    builder.seq(seq).ip4(ip).udp4(port).tcp4(port);
    if let Some((name, version)) = CLIENTS.get(usize::from(number % 6)) {
        builder.add_value("client", &vec![(*name).to_owned(), (*version).to_owned()]);
    }
    if number.is_multiple_of(2) {
        builder.add_value("eth2", &ETH2);
    }
    builder.build(key).map_err(|error| DevnetError::Node(error.to_string()))
}

/// A key. Almost every 32 bytes are one; a first byte below 255 makes sure.
fn secret() -> [u8; 32] {
    let mut key: [u8; 32] = rand::random();
    key[0] &= 0x7f;
    key[31] |= 1;
    key
}
