//! A peer of the engine, made of the recipient's side of the same protocol, without sockets; and the two together.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::discv5::{
    ask::{AskError, Gathered, Nodes, Peer, Pong, Question},
    codec::{Message, RequestId},
    engine::{Engine, Manners},
    pacing::Pace,
    packet::{Challenge, Head, Kind, Nonce, Packet},
    record::Record,
    session::{self, Identity, Keys, random_secret},
};

pub(super) const TIMEOUT: Duration = Duration::from_secs(1);

/// What a packet of the engine said.
#[derive(Debug)]
pub(super) enum Heard {
    /// Nothing that can be opened; a WHOAREYOU may name its nonce.
    Sealed(Nonce),
    /// A message under a session, and whether its packet was a handshake.
    Message { bytes: Vec<u8>, handshake: bool },
}

pub(super) struct Responder {
    pub(super) me: Identity,
    pub(super) address: SocketAddr,
    pub(super) keys: Option<Keys>,
    challenge: Option<Challenge>,
    asker: Record,
}

impl Responder {
    pub(super) fn whoareyou(&mut self, nonce: &Nonce) -> Vec<u8> {
        let head = Head::whoareyou(rand::random(), nonce, rand::random(), 0);
        self.challenge = head.challenge().copied();
        head.mask(self.asker.id(), &[]).expect("a packet")
    }

    pub(super) fn hear(&mut self, packet: &[u8]) -> Heard {
        let mut packet = packet.to_vec();
        let Packet { nonce, kind, head, message } = Packet::decode(&mut packet, self.me.id()).expect("a packet");
        let handshake = match kind {
            Kind::Ordinary { from } => {
                assert_eq!(from, self.asker.id());
                false
            }
            Kind::Handshake { from, signature, ephemeral, record } => {
                assert_eq!(record, Some(self.asker.rlp()), "nobody knows the asker's record");
                let challenge = self.challenge.take().expect("a challenge");
                let keys = session::accept(&self.me, from, &self.asker, &challenge, signature, ephemeral);
                self.keys = Some(keys.expect("a handshake"));
                true
            }
            Kind::WhoAreYou { .. } => panic!("the client challenges nobody"),
        };
        match self.keys.map(|keys| session::open(&keys.read, &nonce, head, message)) {
            Some(Ok(message)) => Heard::Message { bytes: message.to_vec(), handshake },
            _ => Heard::Sealed(nonce),
        }
    }

    /// A packet with this message, under the session.
    pub(super) fn say(&self, message: &Message<'_>) -> Vec<u8> {
        self.say_under(&self.keys.expect("a session").write, &message.encode())
    }

    pub(super) fn say_under(&self, key: &session::Key, message: &[u8]) -> Vec<u8> {
        let nonce = rand::random();
        let head = Head::ordinary(rand::random(), &nonce, self.me.id());
        let sealed = session::seal(key, &nonce, head.bytes(), message).expect("sealed");
        head.mask(self.asker.id(), &sealed).expect("a packet")
    }

    pub(super) fn peer(&self) -> Peer {
        Peer { record: self.me.record().clone(), address: self.address }
    }

    /// A record at this distance from the peer, or the next key's.
    pub(super) fn neighbour(&self, distance: u16) -> Record {
        (0..10_000)
            .map(|_| Record::sign(&random_secret(), 1, &[]).expect("a record"))
            .find(|record| self.me.id().distance(record.id()) == distance)
            .expect("a record at that distance")
    }
}

/// An engine, a peer, and the time.
pub(super) struct Scene {
    pub(super) engine: Engine,
    pub(super) peer: Responder,
    pub(super) now: Instant,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Manners)) -> Self {
        let mut manners = Manners {
            request_timeout: TIMEOUT,
            handshake_timeout: TIMEOUT,
            retries: 0,
            peer_pace: Pace::POLITE,
            ip_pace: None,
            sessions: 8,
            records: 100,
        };
        change(&mut manners);
        let engine = Engine::new(Identity::anonymous().expect("an identity"), manners);
        let peer = responder(&engine, 1);
        Self { engine, peer, now: Instant::now() }
    }

    pub(super) fn ping(&mut self) -> oneshot::Receiver<Result<Pong, AskError>> {
        let (answer, answered) = oneshot::channel();
        self.engine.ask(self.now, &self.peer.peer(), Question::Ping(answer));
        answered
    }

    pub(super) fn find_node(&mut self, distances: &[u16]) -> oneshot::Receiver<Result<Nodes, AskError>> {
        let (answer, answered) = oneshot::channel();
        let question = Question::FindNode { distances: distances.to_vec(), gathered: Gathered::default(), answer };
        self.engine.ask(self.now, &self.peer.peer(), question);
        answered
    }

    /// What the engine wants to send, all of it to the peer.
    pub(super) fn sent(&mut self) -> Vec<Vec<u8>> {
        let packets = self.engine.take_packets();
        assert!(packets.iter().all(|(to, _)| *to == self.peer.address));
        packets.into_iter().map(|(_, packet)| packet).collect()
    }

    /// The one packet that the engine wants to send, as the peer hears it.
    pub(super) fn heard(&mut self) -> Heard {
        let packets = self.sent();
        assert_eq!(packets.len(), 1, "one packet");
        self.peer.hear(&packets[0])
    }

    /// The request id in the one packet that the engine wants to send.
    pub(super) fn asked(&mut self) -> RequestId {
        match self.heard() {
            Heard::Message { bytes, .. } => Message::decode(&bytes).expect("a message").id(),
            Heard::Sealed(_) => panic!("the packet does not open"),
        }
    }

    pub(super) fn receive(&mut self, mut datagram: Vec<u8>) {
        self.engine.receive(self.now, self.peer.address, &mut datagram);
    }

    pub(super) fn say(&mut self, message: &Message<'_>) {
        self.receive(self.peer.say(message));
    }

    /// The packet that waits opens a session; returns the id of the question in the handshake packet.
    pub(super) fn shake_hands(&mut self) -> RequestId {
        let Heard::Sealed(nonce) = self.heard() else { panic!("there is a session") };
        let challenge = self.peer.whoareyou(&nonce);
        self.receive(challenge);
        self.asked()
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.engine.tick(self.now);
    }
}

pub(super) fn responder(engine: &Engine, host: u8) -> Responder {
    Responder {
        me: Identity::anonymous().expect("an identity"),
        address: SocketAddr::from(([127, 0, 0, host], 9000)),
        keys: None,
        challenge: None,
        asker: engine.me.record().clone(),
    }
}
