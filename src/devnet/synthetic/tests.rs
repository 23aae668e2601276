//! The network spoken to with the project's own packets and sessions, and, over its socket, by the `discv5` crate.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{Counters, Datagram, Limiter, Network, Plan, PlanError, Row, Server, Tick, obey};
use crate::discv5::{
    NodeId, Record,
    codec::{Message, RequestId},
    packet::{Head, Kind, Packet},
    session::{self, Ephemeral, Identity, Keys},
};

const PORT: u16 = 9000;

/// One who asks, with the time it asks at.
struct Client {
    me: Identity,
    address: SocketAddr,
    keys: HashMap<NodeId, Keys>,
    now: Duration,
}

/// What a node told: per NODES packet its request id, total and records.
type Told = Vec<(RequestId, u64, Vec<Vec<u8>>)>;

fn id() -> RequestId {
    RequestId::new(&[7, 7]).expect("an id")
}

impl Client {
    fn new() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 30_000));
        Self { me: Identity::anonymous().expect("an identity"), address, keys: HashMap::new(), now: Duration::ZERO }
    }

    fn send(&self, network: &mut Network, to: &Record, mut datagram: Vec<u8>) -> Vec<Datagram> {
        let mut out = Vec::new();
        network.receive(self.now, self.address, to.ip4().expect("an address"), &mut datagram, &mut out);
        assert!(out.iter().all(|sent| sent.to == self.address && Some(sent.from) == to.ip4()));
        out
    }

    /// A packet that nobody can open.
    fn random(&self, to: &Record) -> Vec<u8> {
        Head::ordinary([1; 16], &[2; 12], self.me.id()).mask(to.id(), &[3; 44]).expect("a packet")
    }

    /// A message under the session's keys, or in a handshake if there is no session.
    fn ask(&mut self, network: &mut Network, to: &Record, message: &Message<'_>) -> Vec<Datagram> {
        if let Some(keys) = self.keys.get(&to.id()) {
            let head = Head::ordinary([4; 16], &[5; 12], self.me.id());
            let sealed = session::seal(&keys.write, &[5; 12], head.bytes(), &message.encode()).expect("sealed");
            return self.send(network, to, head.mask(to.id(), &sealed).expect("a packet"));
        }
        let mut out = self.send(network, to, self.random(to));
        let Some(whoareyou) = out.first_mut() else { return out };
        let packet = Packet::decode(&mut whoareyou.bytes, self.me.id()).expect("a packet");
        assert_eq!(packet.nonce, [2; 12]);
        let Kind::WhoAreYou { challenge, .. } = packet.kind else { panic!("{packet:?}") };
        let shaken = session::initiate(&self.me, to, challenge, &Ephemeral::new(session::random_secret()));
        let record = Some(self.me.record());
        let head = Head::handshake([6; 16], &[8; 12], self.me.id(), &shaken.signature, &shaken.ephemeral, record);
        let sealed = session::seal(&shaken.keys.write, &[8; 12], head.bytes(), &message.encode()).expect("sealed");
        self.keys.insert(to.id(), shaken.keys);
        self.send(network, to, head.mask(to.id(), &sealed).expect("a packet"))
    }

    fn open<T>(&self, from: &Record, mut datagram: Datagram, read: impl Fn(Message<'_>) -> T) -> T {
        let packet = Packet::decode(&mut datagram.bytes, self.me.id()).expect("a packet");
        assert_eq!(packet.kind, Kind::Ordinary { from: from.id() });
        let keys = self.keys.get(&from.id()).expect("a session");
        let message = session::open(&keys.read, &packet.nonce, packet.head, packet.message).expect("it opens");
        read(Message::decode(message).expect("a message"))
    }

    fn find(&mut self, network: &mut Network, at: &Record, distances: &[u16]) -> Told {
        let question = Message::FindNode { id: id(), distances: distances.to_vec() };
        let answers = self.ask(network, at, &question);
        let read = |message: Message<'_>| match message {
            Message::Nodes { id, total, records } => (id, total, records.into_iter().map(<[u8]>::to_vec).collect()),
            other => panic!("{other:?}"),
        };
        answers.into_iter().map(|answer| self.open(at, answer, read)).collect()
    }

    fn ping(&mut self, network: &mut Network, to: &Record) -> Option<u64> {
        let mut answers = self.ask(network, to, &Message::Ping { id: id(), seq: 1 });
        let (ip, port) = (self.address.ip(), self.address.port());
        let answer = answers.pop()?;
        Some(self.open(to, answer, |message| match message {
            Message::Pong { id: of, seq, ip: seen, port: at } => {
                assert_eq!((of, seen, at), (id(), ip, port));
                seq
            }
            other => panic!("{other:?}"),
        }))
    }

    /// Everybody that a node tells of, asked as a crawl does.
    fn drain(&mut self, network: &mut Network, at: &Record) -> HashSet<NodeId> {
        let mut known = HashSet::new();
        // Nearer than this there is nobody, which is asked for once.
        for distance in std::iter::once(1).chain(236..=256) {
            let told = self.find(network, at, &[distance]);
            for (of, total, records) in &told {
                assert_eq!((*of, *total), (id(), told.len() as u64));
                let records = records.iter().map(|rlp| Record::decode(rlp).expect("a record"));
                let ids: Vec<NodeId> = records.map(|record| record.id()).collect();
                // geth's lowest bucket is told whatever low distance is asked for.
                assert!(ids.iter().all(|id| at.id().distance(*id) == distance || distance <= 240));
                known.extend(ids);
            }
        }
        known
    }
}

fn network(plan: Plan) -> Network {
    Network::new(plan, PORT).expect("a network")
}

fn truth(network: &Network) -> Vec<Row> {
    network.truth().collect()
}

fn record(row: &Row) -> Record {
    row.enr.parse().expect("a record")
}

/// Whom a row tells of, by id.
fn tells(rows: &[Row], row: &Row) -> HashSet<NodeId> {
    row.tells.iter().map(|place| rows[*place as usize].id).collect()
}

#[test]
fn the_truth_is_what_is_answered() {
    let mut network = network(Plan { dead: 0.2, ..Plan::clean(150, 5) });
    let rows = truth(&network);
    assert_eq!(network.size(), (120, 30));
    assert!(rows[0].alive && rows.iter().filter(|row| row.alive).count() == 120);
    let mut client = Client::new();
    for row in &rows {
        let node = record(row);
        assert_eq!((node.id(), node.seq(), node.udp4()), (row.id, row.seq, Some(PORT)));
        if row.alive {
            assert_eq!(client.ping(&mut network, &node), Some(1));
            assert_eq!(client.drain(&mut network, &node), tells(&rows, row));
            assert!(row.tells.len() > 16 * 3 && tells(&rows, row).len() == row.tells.len());
            let own = client.find(&mut network, &node, &[0]);
            assert_eq!(own, [(id(), 1, vec![node.rlp().to_vec()])]);
        } else {
            assert_eq!((client.ping(&mut network, &node), row.tells.len()), (None, 0));
        }
    }
    let told: HashSet<u32> = rows.iter().flat_map(|row| row.tells.iter().copied()).collect();
    assert_eq!(told.len(), 150, "everybody is told of, the dead too");
    let Counters { handshakes, challenges, pings, malformed, bans, .. } = *network.counters();
    assert_eq!((handshakes, challenges, pings, malformed, bans), (120, 120, 120, 0, 0));
}

#[test]
fn a_seed_decides_everything() {
    let plan = Plan { dead: 0.3, ..Plan::clean(200, 11) };
    let tick = Tick { leave: 0.1, join: Some(0.2), bump: 0.3, moved: 0.5 };
    let (mut first, mut second) = (network(plan), network(plan));
    // What is asked in between changes nothing.
    let (mut client, bootnode) = (Client::new(), first.bootnode().expect("a bootnode").clone());
    client.drain(&mut first, &bootnode);
    for _ in 0..3 {
        assert_eq!(first.tick(tick), second.tick(tick));
        assert_eq!(truth(&first), truth(&second));
    }
    let other = network(Plan { seed: 12, ..plan });
    assert_ne!(truth(&other)[0].id, truth(&first)[0].id);
}

#[test]
fn a_tick_lets_nodes_leave_join_and_change() {
    let mut network = network(Plan::clean(200, 3));
    let before = truth(&network);
    let ticked = network.tick(Tick { leave: 0.1, join: None, bump: 0.2, moved: 0.25 }).expect("a tick");
    assert_eq!((ticked.left, ticked.joined, ticked.bumped, ticked.moved), (20, 20, 40, 10));
    let after = truth(&network);
    assert_eq!((after.len(), network.size()), (220, (200, 20)));
    let mut client = Client::new();
    let (mut moved, mut bumped, mut late) = (0, 0, 0);
    for (was, is) in before.iter().zip(&after) {
        let (old, new) = (record(was), record(is));
        if !is.alive {
            assert_eq!(client.ping(&mut network, &old), None);
            continue;
        }
        assert_eq!(client.ping(&mut network, &new), Some(is.seq));
        assert_eq!(client.drain(&mut network, &new), tells(&after, is));
        if is.seq == was.seq {
            assert_eq!(is.enr, was.enr);
            continue;
        }
        bumped += 1;
        moved += usize::from(old.ip4() != new.ip4());
        if old.ip4() != new.ip4() {
            client.keys.remove(&old.id());
            assert_eq!(client.ping(&mut network, &old), None, "nobody is where it was");
        }
        // Some neighbours tell of the older record for a while, and some of the newer.
        let place = u32::try_from(after.iter().position(|row| row.id == is.id).expect("a row")).expect("small");
        let neighbours: Vec<&Row> = after.iter().filter(|row| row.tells.contains(&place)).collect();
        let of = |neighbour: &Row, client: &mut Client, network: &mut Network| {
            let distance = neighbour.id.distance(is.id);
            let told = client.find(network, &record(neighbour), &[distance]);
            let records = told.into_iter().flat_map(|(_, _, records)| records);
            records.map(|rlp| Record::decode(&rlp).expect("a record")).find(|told| told.id() == is.id).expect("told")
        };
        let told: Vec<Record> = neighbours.iter().map(|row| of(row, &mut client, &mut network)).collect();
        assert!(told.iter().all(|told| *told == old || *told == new) && told.contains(&new));
        late += usize::from(told.contains(&old));
    }
    assert_eq!((bumped, moved), (40, 10));
    assert!(late > 30, "{late} of 40 were told of by their older record too");
    for joined in &after[200..] {
        assert_eq!(client.ping(&mut network, &record(joined)), Some(1));
        assert_eq!(client.drain(&mut network, &record(joined)), tells(&after, joined));
        assert!(after.iter().any(|row| tells(&after, row).contains(&joined.id)), "somebody tells of it");
    }
    // A tick later nobody tells of those who left.
    network.tick(Tick { leave: 0.0, join: None, bump: 0.0, moved: 0.0 }).expect("a tick");
    let later = truth(&network);
    assert_eq!(network.size(), (200, 0));
    assert!(later.iter().flat_map(|row| &row.tells).all(|place| later[*place as usize].alive));
    let wrong = Tick { leave: 2.0, join: None, bump: 0.0, moved: 0.0 };
    assert!(network.tick(wrong).is_err());
}

#[test]
fn who_asks_too_fast_is_banned_by_that_node_alone() {
    let mut network = network(Plan { limiter: Limiter::Lighthouse, ..Plan::clean(20, 3) });
    let rows = truth(&network);
    let (first, second) = (record(&rows[0]), record(&rows[1]));
    let mut client = Client::new();
    // The random packet counts, its answer to WHOAREYOU does not.
    let answered = (0..20).take_while(|_| client.ping(&mut network, &first).is_some()).count();
    assert_eq!(answered, 8);
    assert_eq!(network.counters().bans, 1);
    let ban = &network.counters().banned[0];
    assert_eq!((ban.banned.as_str(), ban.by), (client.me.id().to_string().as_str(), first.id()));
    client.now += Duration::from_secs(3599);
    assert_eq!(client.ping(&mut network, &first), None);
    assert_eq!(client.ping(&mut network, &second), Some(1));
    client.now += Duration::from_secs(1);
    for _ in 0..40 {
        client.now += Duration::from_millis(125);
        assert_eq!((client.ping(&mut network, &first), client.ping(&mut network, &second)), (Some(1), Some(1)));
    }
    assert_eq!((network.counters().bans, network.counters().limited), (1, 2));
    client.address.set_ip(IpAddr::from([127, 0, 0, 2]));
    for number in 0..12 {
        client.me = Identity::anonymous().expect("an identity");
        client.keys.clear();
        assert_eq!(client.ping(&mut network, &second).is_some(), number < 9, "{number}");
        client.now += Duration::from_millis(200);
    }
    assert_eq!(network.counters().banned[1].banned, "127.0.0.2");
}

#[test]
fn a_challenge_is_repeated_for_a_second_and_answered_once() {
    let mut network = network(Plan::clean(2, 3));
    let (mut client, node) = (Client::new(), network.bootnode().expect("a bootnode").clone());
    let first = client.send(&mut network, &node, client.random(&node));
    client.now += Duration::from_millis(999);
    assert_eq!(client.send(&mut network, &node, client.random(&node)), first);
    client.now += Duration::from_millis(1);
    assert_ne!(client.send(&mut network, &node, client.random(&node)), first);
    assert_eq!(client.ping(&mut network, &node), Some(1));
    // Under keys that the node does not have, everything is random.
    client.keys.insert(node.id(), Keys { write: [9; 16], read: [9; 16] });
    let again = client.ask(&mut network, &node, &Message::Ping { id: id(), seq: 1 });
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].bytes.len(), 63);
    for garbage in [vec![], vec![0; 63], vec![7; 1280], again[0].bytes.clone()] {
        assert_eq!(client.send(&mut network, &node, garbage), []);
    }
    assert_eq!(network.counters().malformed, 4);
}

#[test]
fn poison_hides_nothing_and_forges_what_can_be_told_from_the_truth() {
    let mut network = network(Plan { poison: 0.5, ..Plan::clean(300, 5) });
    let rows = truth(&network);
    let mut client = Client::new();
    let (mut bad, mut elsewhere, mut totals, mut others) = (0, 0, 0, 0);
    for row in &rows[..40] {
        let node = record(row);
        let mut known = HashSet::new();
        // Packets in place of which there is something else come another time.
        for distance in (240..=256).chain(240..=256).chain(240..=256).chain(240..=256) {
            for (of, total, records) in client.find(&mut network, &node, &[distance]) {
                if of != id() {
                    others += 1;
                    continue;
                }
                totals += usize::from(total == 0 || total == 255);
                for rlp in records {
                    let Ok(told) = Record::decode(&rlp) else {
                        bad += 1;
                        continue;
                    };
                    if node.id().distance(told.id()) == distance {
                        known.insert(told.id());
                    } else if distance > 240 {
                        elsewhere += 1;
                    }
                }
            }
        }
        let low = |id: &NodeId| row.id.distance(*id) < 240;
        let missed = tells(&rows, row).into_iter().filter(|id| !low(id) && !known.contains(id)).count();
        assert!(missed < 4, "{missed}");
        assert!(known.is_subset(&tells(&rows, row)), "nothing forged looks true");
    }
    assert!(bad > 50 && elsewhere > 50 && totals > 50 && others > 50, "{bad} {elsewhere} {totals} {others}");
    assert!(network.counters().poisoned > 1500);
}

#[test]
fn plans_that_are_none_are_refused() {
    let clean = Plan::clean(1, 1);
    assert!(Network::new(clean, PORT).is_ok());
    for (plan, error) in [
        (Plan { nodes: 0, ..clean }, PlanError::Nodes(0)),
        (Plan { nodes: 100_001, ..clean }, PlanError::Nodes(100_001)),
        (Plan { loss: 1.5, ..clean }, PlanError::Share { what: "loss", share: 1.5 }),
        (Plan { dead: -0.5, ..clean }, PlanError::Share { what: "dead", share: -0.5 }),
    ] {
        assert_eq!(Network::new(plan, PORT).err(), Some(error.into()));
    }
    assert_eq!(network(Plan { dead: 1.0, ..Plan::clean(3, 1) }).size(), (1, 2), "the bootnode is alive");
}

#[test]
fn orders_are_obeyed_or_refused() {
    let mut network = network(Plan::clean(10, 1));
    let mut say = |order: &str| serde_json::from_str::<serde_json::Value>(&obey(&mut network, order)).expect("JSON");
    assert_eq!(say(r#"{"order":"counters"}"#)["counters"]["packets_in"], 0);
    let rows: Vec<Row> = serde_json::from_value(say(r#"{"order":"truth"}"#)["truth"].clone()).expect("rows");
    assert_eq!(rows.len(), 10);
    assert_eq!(say(r#"{"order":"tick","leave":0.1,"bump":0.5}"#)["tick"]["bumped"], 5);
    for wrong in [r#"{"order":"nothing"}"#, r#"{"order":"tick","leave":7}"#, "", r#"{"order":"tick","loose":1}"#] {
        assert!(say(wrong)["error"].is_string(), "{wrong}");
    }
    let path = std::env::temp_dir().join(format!("truth-{}", uuid::Uuid::now_v7()));
    let extent = say(&serde_json::json!({"order": "truth", "path": path}).to_string())["truth"]["extent"].clone();
    let lines = std::fs::read_to_string(&path).expect("a file");
    std::fs::remove_file(&path).expect("removed");
    let rows: Vec<Row> = lines.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let edges: usize = rows.iter().map(|row| row.tells.len()).sum();
    assert_eq!(extent, serde_json::json!({"nodes": 11, "alive": 10, "edges": edges}));
    assert!(say(r#"{"order":"truth","path":"/nowhere/truth"}"#)["error"].is_string());
}

/// The witness that knows nothing of this code: every node of a small network is asked by the `discv5` crate.
#[tokio::test]
async fn another_implementation_is_answered() {
    let mut server = Server::bind(Plan::clean(24, 9)).expect("a network");
    let rows = truth(server.network());
    let (orders, lines) = tokio::sync::mpsc::channel::<String>(1);
    let running = tokio::spawn(async move {
        server.run(lines, |_| {}).await.expect("it runs");
        server.network().counters().clone()
    });
    let key = enr::CombinedKey::generate_secp256k1();
    let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let listen = discv5::ListenConfig::FromSockets { ipv4: Some(socket.into()), ipv6: None };
    let config = discv5::ConfigBuilder::new(listen).auto_nat_listen_duration(None).build();
    let own = enr::Enr::empty(&key).expect("a record");
    let mut client: discv5::Discv5 = discv5::Discv5::new(own, key, config).expect("a client");
    client.start().await.expect("started");
    for (number, row) in rows.iter().enumerate() {
        let node: discv5::Enr = row.enr.parse().expect("a record to them too");
        assert_eq!(node.node_id().raw(), row.id.0);
        let pong = client.send_ping(node.clone()).await.expect("a PONG");
        assert_eq!(pong.enr_seq, 1);
        let told = client.find_node_designated_peer(node.clone(), vec![256]).await.expect("NODES");
        let at = |place: &&u32| row.id.distance(rows[**place as usize].id) == 256;
        let known: HashSet<[u8; 32]> = row.tells.iter().filter(at).map(|place| rows[*place as usize].id.0).collect();
        // Of an answer in several packets the crate hands over the first.
        let told: HashSet<[u8; 32]> = told.iter().map(|record| record.node_id().raw()).collect();
        assert!(told.is_subset(&known) && (!told.is_empty() || known.is_empty()), "node {number}");
        let own = client.find_node_designated_peer(node.clone(), vec![0]).await.expect("its record");
        assert_eq!(own, [node]);
    }
    orders.send(r#"{"order":"counters"}"#.into()).await.expect("it takes orders");
    drop(orders);
    let counters = running.await.expect("it ended");
    assert_eq!((counters.handshakes, counters.malformed, counters.nobody), (24, 0, 0));
}
