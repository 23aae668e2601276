//! The client's sockets: one for IPv4, one for IPv6, or both.

use std::{
    io,
    net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket as StdSocket},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
use tokio::net::UdpSocket;

use super::packet::MAX_SIZE;

/// What the kernel may keep for us while we are busy.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Datagrams read before others get their turn.
pub(super) const BATCH: usize = 32;
/// One byte more than a packet, so that a longer datagram is seen to be longer.
pub(super) const BUFFER: usize = MAX_SIZE + 1;

/// At least one of them is there.
#[derive(Debug)]
pub(super) struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Sockets {
    pub(super) fn open(v4: Option<SocketAddrV4>, v6: Option<SocketAddrV6>) -> io::Result<Self> {
        Ok(Self {
            v4: v4.map(|address| listen(AddressFamily::INET, address.into())).transpose()?,
            v6: v6.map(|address| listen(AddressFamily::INET6, address.into())).transpose()?,
        })
    }

    /// Where they listen.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.each().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Whether an address can be reached, as far as its family goes.
    pub(super) fn serves(&self, address: SocketAddr) -> bool {
        self.of(address).is_some()
    }

    /// Waits until there is something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match (&self.v4, &self.v6) {
            (Some(v4), Some(v6)) => tokio::select! {
                ready = v4.readable() => ready,
                ready = v6.readable() => ready,
            },
            (Some(socket), None) | (None, Some(socket)) => socket.readable().await,
            (None, None) => std::future::pending().await,
        }
    }

    /// Reads at most [`BATCH`] datagrams of each socket; returns how many came.
    pub(super) fn read(&self, buffer: &mut [u8; BUFFER], mut take: impl FnMut(SocketAddr, &mut [u8])) -> usize {
        let mut count = 0;
        for socket in self.each() {
            for _ in 0..BATCH {
                // An error other than "nothing there" concerns one datagram; the next read shows whether it lasts.
                let Ok((size, from)) = socket.try_recv_from(buffer) else { break };
                count += 1;
                take(from, buffer.get_mut(..size).unwrap_or_default());
            }
        }
        count
    }

    /// Sends a datagram. The kernel's queue being full is waited for.
    pub(super) async fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let socket = self.of(to).ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.send_to(datagram, to).await.map(drop)
    }

    fn of(&self, address: SocketAddr) -> Option<&UdpSocket> {
        if address.is_ipv4() { self.v4.as_ref() } else { self.v6.as_ref() }
    }

    fn each(&self) -> impl Iterator<Item = &UdpSocket> {
        self.v4.iter().chain(&self.v6)
    }
}

fn listen(family: AddressFamily, address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        // Or it would take the IPv4 socket's port as well.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
    bind(&socket, &address)?;
    UdpSocket::from_std(StdSocket::from(socket))
}
