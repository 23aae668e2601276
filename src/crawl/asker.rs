//! The seam to the wire: two questions to one node. Everything that knows the `discv5` crate's service is in here.
//!
//! The crate hands over the first NODES packet of an answer only, which is why a question names one distance, and why
//! an answer may be a part of the bucket.

use std::{
    future::Future,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use discv5::{ConfigBuilder, Discv5, Enr, ListenConfig, RequestError};
use enr::CombinedKey;
use tokio::net::UdpSocket;

use super::address::Reach;

/// What the kernel may keep for us while we are busy; the default drops answers from 128 questions on.
const RECEIVE_BUFFER: usize = 4 << 20;

/// How questions are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How long to wait for one answer.
    pub(super) timeout: Duration,
    /// How often to ask again.
    pub(super) retries: u8,
}

/// What a node said.
#[derive(Debug)]
pub(super) struct Answer {
    /// The records, each with a valid signature.
    pub(super) records: Vec<Enr>,
    /// From the question to the answer.
    pub(super) took: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// None came, or none that could be read.
    #[error("no answer")]
    Silent,
    /// Our own side cannot ask any more.
    #[error("the discovery service stopped: {0}")]
    Broken(String),
}

/// Asking could not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// No socket.
    #[error("cannot open a socket")]
    Socket(#[from] std::io::Error),
    /// No identity, or no service.
    #[error("cannot start the discovery service: {0}")]
    Service(String),
}

/// Asks nodes.
pub(super) struct Asker {
    discv5: Discv5,
    patience: Patience,
}

impl Asker {
    /// Opens a socket and takes a fresh identity.
    pub(super) async fn start(reach: Reach, patience: Patience) -> Result<Self, StartError> {
        // A socket on loopback cannot leave this machine, whatever a record says.
        let ip = match reach {
            Reach::Loopback => Ipv4Addr::LOCALHOST,
            Reach::Public => Ipv4Addr::UNSPECIFIED,
        };
        let socket = UdpSocket::bind((ip, 0)).await?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER).map_err(std::io::Error::from)?;
        let listen = ListenConfig::FromSockets { ipv4: Some(Arc::new(socket)), ipv6: None };
        let config = ConfigBuilder::new(listen)
            .request_timeout(patience.timeout)
            .request_retries(patience.retries)
            // A crawler stays out of tables: no address of its own in its record, nobody in its own table.
            .disable_enr_update()
            .disable_report_discovered_peers()
            .auto_nat_listen_duration(None)
            .table_filter(|_| false)
            // The list of bans is one for the whole process, devnets and later crawls included.
            .ban_duration(Some(Duration::ZERO))
            .build();
        let key = CombinedKey::generate_secp256k1();
        let record = Enr::empty(&key).map_err(|error| StartError::Service(error.to_string()))?;
        let mut discv5 = Discv5::new(record, key, config).map_err(|error| StartError::Service(error.to_owned()))?;
        discv5.start().await.map_err(|error| StartError::Service(error.to_string()))?;
        Ok(Self { discv5, patience })
    }

    /// Asks a node for its own newest record.
    pub(super) async fn own_record(&self, node: &Enr) -> Result<Answer, AskError> {
        self.ask(self.discv5.find_node_designated_peer(node.clone(), vec![0])).await
    }

    /// Asks a node for its neighbours at one distance.
    pub(super) async fn neighbours(&self, node: &Enr, distance: u64) -> Result<Answer, AskError> {
        self.ask(self.discv5.find_node_designated_peer(node.clone(), vec![distance])).await
    }

    async fn ask(&self, question: impl Future<Output = Result<Vec<Enr>, RequestError>>) -> Result<Answer, AskError> {
        // The crate keeps the time of each packet; this bounds the whole, handshake and retries included.
        let limit = self.patience.timeout * (2 * (u32::from(self.patience.retries) + 1) + 1);
        let start = Instant::now();
        match tokio::time::timeout(limit, question).await {
            Ok(Ok(records)) => Ok(Answer { records, took: start.elapsed() }),
            Ok(Err(RequestError::ServiceNotStarted)) => Err(AskError::Broken("not started".into())),
            Ok(Err(RequestError::ChannelFailed(reason))) if reason.starts_with("Service") => {
                Err(AskError::Broken(reason))
            }
            Ok(Err(_)) | Err(_) => Err(AskError::Silent),
        }
    }
}
