//! The one socket behind which all nodes are. Which node a datagram is for, the kernel says with it; an answer goes
//! out from that node's address.

use std::{
    array, io,
    io::IoSliceMut,
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use socket2::{Domain, Socket, Type};
use tokio::{io::Interest, net::UdpSocket, sync::mpsc};

use super::{
    network::{Datagram, Network, NetworkError},
    orders::obey,
    plan::Plan,
    weather::{Fate, Weather},
};

/// What the kernel may keep for us while we are busy.
const SOCKET_BUFFER: usize = 32 << 20;
/// For one datagram, or several of one sender that the kernel joined.
const BUFFER: usize = 1 << 16;

/// A network that can be reached.
#[derive(Debug)]
pub struct Server {
    socket: UdpSocket,
    state: UdpSocketState,
    network: Network,
    weather: Weather,
    start: Instant,
}

/// Why there is no server, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// No socket.
    #[error("the network's socket failed: {0}")]
    Socket(#[from] io::Error),
}

impl Server {
    /// Opens the socket and makes the network.
    pub fn bind(plan: Plan) -> Result<Self, ServerError> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        // Then nothing from outside arrives. Where that is not allowed, what arrives is dropped.
        if let Err(error) = socket.bind_device(Some(b"lo")) {
            tracing::debug!(%error, "the socket is not bound to the loopback device");
        }
        socket.bind(&std::net::SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
        socket.set_nonblocking(true)?;
        // More than the limit of the system is for root alone; others get what the limit allows.
        if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BUFFER).is_err() {
            socket.set_recv_buffer_size(SOCKET_BUFFER)?;
        }
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
        let socket = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new((&socket).into())?;
        let network = Network::new(plan, socket.local_addr()?.port())?;
        Ok(Self { socket, state, network, weather: Weather::new(&plan), start: Instant::now() })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Answers for ever, and does what the lines of `orders` say; each answer is given to `say`. Ends when somebody
    /// gave an order and nobody will give one any more.
    pub async fn run(
        &mut self,
        mut orders: mpsc::Receiver<String>,
        mut say: impl FnMut(String),
    ) -> Result<(), ServerError> {
        let mut buffer = vec![0; BATCH_SIZE * BUFFER];
        let (mut out, mut ordered, mut closed) = (Vec::new(), false, false);
        loop {
            let next = self.weather.next().map(|due| self.start + due);
            tokio::select! {
                ready = self.socket.readable() => {
                    ready?;
                    self.receive(&mut buffer, &mut out)?;
                }
                () = at(next) => {}
                order = orders.recv(), if !closed => match order {
                    Some(order) => {
                        ordered = true;
                        say(obey(&mut self.network, &order));
                    }
                    None if ordered => return Ok(()),
                    None => closed = true,
                },
            }
            self.send_due();
        }
    }

    /// Takes in what has arrived.
    fn receive(&mut self, buffer: &mut [u8], out: &mut Vec<Datagram>) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut chunks = buffer.chunks_exact_mut(BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let received =
            self.socket.try_io(Interest::READABLE, || self.state.recv((&self.socket).into(), &mut slices, &mut metas));
        let received = match received {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let now = self.start.elapsed();
        for (chunk, meta) in buffer.chunks_exact_mut(BUFFER).zip(&metas).take(received) {
            let Some(IpAddr::V4(to)) = meta.dst_ip else { continue };
            let datagrams = chunk.get_mut(..meta.len).unwrap_or_default().chunks_mut(meta.stride.max(1));
            for datagram in datagrams {
                self.network.counters.packets_in += 1;
                if !meta.addr.ip().is_loopback() {
                    self.network.counters.foreign += 1;
                } else if self.weather.arrives() {
                    self.network.receive(now, meta.addr, to, datagram, out);
                } else {
                    self.network.counters.lost_in += 1;
                }
            }
        }
        for datagram in out.drain(..) {
            match self.weather.depart(now, datagram) {
                Fate::Sent(datagram) => send(&self.socket, &self.state, &mut self.network, &datagram),
                Fate::Late => {}
                Fate::Lost => self.network.counters.lost_out += 1,
                Fate::Overflowed => self.network.counters.overflowed += 1,
            }
        }
        Ok(())
    }

    fn send_due(&mut self) {
        if self.weather.next().is_none() {
            return;
        }
        let now = self.start.elapsed();
        while let Some(datagram) = self.weather.due(now) {
            send(&self.socket, &self.state, &mut self.network, &datagram);
        }
    }
}

fn send(socket: &UdpSocket, state: &UdpSocketState, network: &mut Network, datagram: &Datagram) {
    let transmit = Transmit {
        destination: datagram.to,
        ecn: None,
        contents: &datagram.bytes,
        segment_size: None,
        src_ip: Some(datagram.from.into()),
    };
    // A datagram that cannot be sent is lost, as datagrams are.
    match state.try_send(socket.into(), &transmit) {
        Ok(()) => network.counters.packets_out += 1,
        Err(_) => network.counters.overflowed += 1,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
