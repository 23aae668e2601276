//! The handle: asks, and hands the answers over.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    ask::{AskError, Gathered, Nodes, Peer, Pong, Question, check_distances},
    counters::Counters,
    driver::{Asked, Driver},
    engine::{Engine, Manners},
    node_id::NodeId,
    pacing::Pace,
    record::RecordError,
    session::Identity,
    sockets::Sockets,
};

/// Questions that wait for the driver to take them; who asks beyond that waits as well.
const WAITING: usize = 64;

/// How to start a client.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Where to listen on IPv4; without it, no IPv4 address can be asked.
    pub ipv4: Option<SocketAddrV4>,
    /// Where to listen on IPv6; without it, no IPv6 address can be asked.
    pub ipv6: Option<SocketAddrV6>,
    /// How long to wait for the answer to one packet.
    pub request_timeout: Duration,
    /// How long to wait for the WHOAREYOU that answers the first packet.
    pub handshake_timeout: Duration,
    /// How often a packet is sent again that was not answered.
    pub retries: u8,
    /// How fast packets go to one peer.
    pub peer_pace: Pace,
    /// How fast packets go to one address; `None` for as fast as its peers allow together.
    pub ip_pace: Option<Pace>,
    /// Sessions that are kept while nothing is asked; the one longest not used goes first.
    pub sessions: usize,
    /// Questions that are open at once; further ones wait.
    pub questions: usize,
    /// Records that are remembered, so that they are not verified again.
    pub records: usize,
}

impl Default for Config {
    /// On every address of this machine, at any free port, politely.
    fn default() -> Self {
        Self {
            ipv4: Some(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
            ipv6: Some(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)),
            request_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(1),
            retries: 1,
            peer_pace: Pace::POLITE,
            ip_pace: Some(Pace::POLITE),
            sessions: 1 << 16,
            questions: 1 << 12,
            records: 1 << 17,
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration has no address.
    #[error("a client needs an IPv4 or an IPv6 address to listen on")]
    NoAddress,
    /// No socket.
    #[error("cannot open a socket")]
    Socket(#[from] io::Error),
    /// No record of its own.
    #[error("cannot make a record")]
    Record(#[from] RecordError),
}

/// Asks nodes. Clones share one task, which ends when the last of them is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    questions: mpsc::Sender<Asked>,
    counters: watch::Receiver<Counters>,
    id: NodeId,
    addresses: std::sync::Arc<[SocketAddr]>,
}

impl Client {
    /// Opens the sockets, takes a fresh identity, and starts the task that does the work. Inside a tokio runtime.
    pub fn start(config: Config) -> Result<Self, StartError> {
        if config.ipv4.is_none() && config.ipv6.is_none() {
            return Err(StartError::NoAddress);
        }
        let sockets = Sockets::open(config.ipv4, config.ipv6)?;
        let me = Identity::anonymous()?;
        let (questions, asked) = mpsc::channel(WAITING);
        let (published, counters) = watch::channel(Counters::default());
        let client = Self { questions, counters, id: me.id(), addresses: sockets.addresses().into() };
        let manners = Manners {
            request_timeout: config.request_timeout,
            handshake_timeout: config.handshake_timeout,
            retries: config.retries,
            peer_pace: config.peer_pace,
            ip_pace: config.ip_pace,
            sessions: config.sessions,
            records: config.records,
        };
        let driver = Driver {
            engine: Engine::new(me, manners),
            sockets,
            questions: asked,
            counters: published,
            limit: config.questions.max(1),
        };
        tokio::spawn(driver.run());
        Ok(client)
    }

    /// Asks whether the peer is there, and for the number of its record.
    pub async fn ping(&self, peer: &Peer) -> Result<Pong, AskError> {
        let (answer, answered) = oneshot::channel();
        self.ask(peer, Question::Ping(answer)).await?;
        answered.await.unwrap_or(Err(AskError::Closed))
    }

    /// Asks for the nodes that the peer knows at these distances from itself; 0 is its own record.
    pub async fn find_node(&self, peer: &Peer, distances: &[u16]) -> Result<Nodes, AskError> {
        check_distances(distances)?;
        let (answer, answered) = oneshot::channel();
        let gathered = Gathered::default();
        self.ask(peer, Question::FindNode { distances: distances.to_vec(), gathered, answer }).await?;
        answered.await.unwrap_or(Err(AskError::Closed))
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        *self.counters.borrow()
    }

    /// Who this client is to others.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    async fn ask(&self, peer: &Peer, question: Question) -> Result<(), AskError> {
        let ip = peer.address.ip();
        if peer.address.port() == 0 || ip.is_unspecified() || ip.is_multicast() {
            return Err(AskError::Address);
        }
        self.questions.send((peer.clone(), question)).await.map_err(|_| AskError::Closed)
    }
}
