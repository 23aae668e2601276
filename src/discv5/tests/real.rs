//! Nodes of the `discv5` crate on loopback.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::NonZeroU32,
    time::Duration,
};

use ::discv5::{ConfigBuilder, Discv5, ListenConfig};
use enr::CombinedKey;
use tokio::net::UdpSocket;

use crate::discv5::{AskError, Client, Completeness, Config, NodeId, Pace, Peer};

/// Records that one bucket of a node holds.
const BUCKET: usize = 16;

/// A running node, and how to reach it.
pub(super) struct Node {
    pub(super) discv5: Discv5,
    pub(super) peer: Peer,
}

impl Node {
    pub(super) async fn start(ip: IpAddr, change: impl FnOnce(&mut ConfigBuilder)) -> Self {
        let socket = UdpSocket::bind((ip, 0)).await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        let socket = std::sync::Arc::new(socket);
        let listen = match ip {
            IpAddr::V4(_) => ListenConfig::FromSockets { ipv4: Some(socket), ipv6: None },
            IpAddr::V6(_) => ListenConfig::FromSockets { ipv4: None, ipv6: Some(socket) },
        };
        let key = CombinedKey::generate_secp256k1();
        let mut record = enr::Enr::builder();
        match address {
            SocketAddr::V4(address) => record.ip4(*address.ip()).udp4(address.port()),
            SocketAddr::V6(address) => record.ip6(*address.ip()).udp6(address.port()),
        };
        let record = record.build(&key).expect("a record");
        let mut config = ConfigBuilder::new(listen);
        config.disable_enr_update().auto_nat_listen_duration(None);
        change(&mut config);
        let mut discv5 = Discv5::new(record.clone(), key, config.build()).expect("a node");
        discv5.start().await.expect("a node that runs");
        let record = record.to_base64().parse().expect("a record");
        Self { discv5, peer: Peer { record, address } }
    }

    /// Fills these buckets of its table; returns whom it knows now.
    pub(super) fn fill(&self, distances: &[u16]) -> HashSet<NodeId> {
        let mut known = HashSet::new();
        for distance in distances {
            let mut count = 0;
            while count < BUCKET {
                let key = CombinedKey::generate_secp256k1();
                let ip = Ipv4Addr::from(0x0a00_0000 | rand::random_range(0..1 << 24));
                let mut record = enr::Enr::builder();
                // As long as a record may get, so that an answer takes several packets.
                record.ip4(ip).udp4(9000).ip6(Ipv6Addr::from(0xfd00 << 112 | u128::from(ip.to_bits()))).udp6(9000);
                record.add_value("filling", &vec![7_u8; 100].as_slice());
                let record = record.build(&key).expect("a record");
                let id = NodeId(record.node_id().raw());
                if self.peer.record.id().distance(id) == *distance {
                    self.discv5.add_enr(record).expect("added");
                    known.insert(id);
                    count += 1;
                }
            }
        }
        known
    }
}

/// A client on loopback, as fast as it can.
fn hasty() -> Config {
    let thousand = NonZeroU32::new(1000).expect("not zero");
    Config {
        ipv4: Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)),
        ipv6: Some(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0)),
        peer_pace: Pace { rate: thousand, burst: thousand },
        ip_pace: None,
        request_timeout: Duration::from_secs(5),
        handshake_timeout: Duration::from_secs(5),
        ..Config::default()
    }
}

async fn drain(ip: IpAddr) {
    let node = Node::start(ip, |_| {}).await;
    let distances = [256, 255, 254];
    let known = node.fill(&distances);
    let client = Client::start(hasty()).expect("a client");

    let pong = client.ping(&node.peer).await.expect("a pong");
    assert_eq!(pong.seq, node.peer.record.seq());
    if let IpAddr::V4(four) = ip {
        let address = SocketAddr::new(four.to_ipv6_mapped().into(), node.peer.address.port());
        let mapped = Peer { address, ..node.peer.clone() };
        client.ping(&mapped).await.expect("a pong from the same address written otherwise");
    }
    let seen_as = SocketAddr::from(pong.seen_as);
    assert!(client.addresses().contains(&seen_as), "{seen_as}");
    let own = client.find_node(&node.peer, &[0]).await.expect("its own record");
    assert_eq!(own.records, std::slice::from_ref(&node.peer.record));

    let mut found = HashSet::new();
    let questions = distances.map(|distance| {
        let (client, peer) = (client.clone(), node.peer.clone());
        tokio::spawn(async move { client.find_node(&peer, &[distance]).await })
    });
    for question in questions {
        let nodes = question.await.expect("asked").expect("neighbours");
        assert_eq!(nodes.completeness, Completeness::Whole);
        assert_eq!(nodes.records.len(), BUCKET);
        found.extend(nodes.records.iter().map(crate::discv5::Record::id));
    }
    assert_eq!(found, known);
    let joined = client.find_node(&node.peer, &[253, 252, 251]).await.expect("neighbours");
    assert_eq!((joined.records.len(), joined.completeness), (0, Completeness::Whole));

    let counters = client.counters();
    assert_eq!((counters.sessions, counters.handshakes, counters.timeouts), (1, 1, 0), "{counters:?}");
    assert_eq!((counters.bad_records, counters.wrong_distances, counters.undecodable), (0, 0, 0), "{counters:?}");
    let packets = counters.packets_received;
    assert!(packets > 3 * 3, "answers in several packets, not {packets} packets in all");
    assert!(node.discv5.table_entries_enr().len() == known.len(), "the client is in nobody's table");
}

#[tokio::test]
async fn every_neighbour_is_found_on_ipv4() {
    drain(Ipv4Addr::LOCALHOST.into()).await;
}

#[tokio::test]
async fn every_neighbour_is_found_on_ipv6() {
    drain(Ipv6Addr::LOCALHOST.into()).await;
}

#[tokio::test]
async fn nobody_there_is_silence() {
    // A socket that reads nothing, so that nobody else takes the port.
    let mute = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let node = Node::start(Ipv4Addr::LOCALHOST.into(), |_| {}).await;
    let mut config = hasty();
    (config.handshake_timeout, config.ipv6) = (Duration::from_millis(20), None);
    let client = Client::start(config).expect("a client");
    let record = node.peer.record.clone();
    let at = |address| Peer { record: record.clone(), address };
    assert_eq!(client.ping(&at(mute.local_addr().expect("an address"))).await, Err(AskError::Silent));
    assert_eq!(client.counters().retries, 1);

    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    assert_eq!(client.ping(&at(address("[::1]:9"))).await, Err(AskError::NoSocket));
    assert_eq!(client.ping(&at(address("127.0.0.1:0"))).await, Err(AskError::Address));
    assert_eq!(client.ping(&at(address("0.0.0.0:9"))).await, Err(AskError::Address));
    assert_eq!(client.find_node(&node.peer, &[]).await, Err(AskError::Distances));
    assert_eq!(client.find_node(&node.peer, &[257]).await, Err(AskError::Distances));
    let config = Config { ipv4: None, ipv6: None, ..hasty() };
    assert!(Client::start(config).is_err(), "no address");
}

#[tokio::test]
async fn more_questions_than_may_be_open_wait_and_are_answered() {
    let node = Node::start(Ipv4Addr::LOCALHOST.into(), |_| {}).await;
    let client = Client::start(Config { questions: 2, ..hasty() }).expect("a client");
    let asking = (0..200).map(|_| {
        let (client, peer) = (client.clone(), node.peer.clone());
        tokio::spawn(async move { client.ping(&peer).await })
    });
    for question in asking.collect::<Vec<_>>() {
        question.await.expect("asked").expect("a pong");
    }
    assert_eq!(client.counters().answered, 200);
}
