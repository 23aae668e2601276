//! All nodes, and what each does with a datagram that reaches it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::{
    address,
    counters::Counters,
    limiter::{Banned, Memory, Verdict},
    member::{self, Birth, Member, State},
    plan::{Limiter, Plan, PlanError},
    poison::{self, Poison},
    sessions::{Challenged, Pair, Sessions},
    table::{Index, Table},
};
use crate::discv5::{
    NodeId, Record, RecordError, Records,
    codec::{Message, RequestId},
    packet::{Head, Kind, Packet},
    session::{self, Keys},
};

/// Records of strangers that are remembered.
const STRANGERS: usize = 4096;
/// Makes another seed of a seed.
const OTHER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A datagram that a node sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// To whom.
    pub to: SocketAddr,
    /// The node's address.
    pub from: Ipv4Addr,
    /// What.
    pub bytes: Vec<u8>,
}

/// All nodes. The first is the bootnode, and always alive.
#[derive(Debug)]
pub struct Network {
    pub(super) plan: Plan,
    pub(super) port: u16,
    pub(super) members: Vec<Member>,
    pub(super) tables: Vec<Table>,
    /// Which member is at a place.
    pub(super) places: Vec<Option<u32>>,
    pub(super) sessions: Sessions,
    /// Decides ticks: what is received changes nothing about them.
    pub(super) fate: SmallRng,
    /// Decides everything else.
    dice: SmallRng,
    pub(super) limiters: Vec<Memory>,
    records: Records,
    pub(super) counters: Counters,
}

impl Network {
    /// Makes all nodes, which say that they listen on this port.
    pub fn new(plan: Plan, port: u16) -> Result<Self, NetworkError> {
        plan.check()?;
        let births = (0..plan.nodes).map(|number| {
            let ip = address::of(number).ok_or(NetworkError::Full)?;
            Ok(Birth { seed: plan.seed, number, ip, port })
        });
        let mut members = member::make(&births.collect::<Result<Vec<_>, NetworkError>>()?)?;
        let mut fate = SmallRng::seed_from_u64(plan.seed);
        for place in rand::seq::index::sample(&mut fate, members.len() - 1, plan.dead()) {
            members.get_mut(place + 1).into_iter().for_each(|member| member.state = State::Dead);
        }
        let index = Index::new(members.iter().map(Member::id).zip(0..));
        let tables =
            members.iter().map(|member| Table::new(member.id(), member.manner.lowest(), &index, &mut fate)).collect();
        Ok(Self {
            port,
            tables,
            places: (0..plan.nodes).map(Some).collect(),
            sessions: Sessions::new(members.len()),
            limiters: members.iter().map(|_| Memory::default()).collect(),
            members,
            fate,
            dice: SmallRng::seed_from_u64(plan.seed ^ OTHER),
            records: Records::new(STRANGERS),
            counters: Counters::default(),
            plan,
        })
    }

    /// The record to crawl from.
    pub fn bootnode(&self) -> Option<&Record> {
        self.members.first().map(Member::record)
    }

    /// How many nodes answer, and how many do not although others tell of them.
    pub fn size(&self) -> (usize, usize) {
        let count = |state| self.members.iter().filter(|member| member.state == state).count();
        (count(State::Alive), count(State::Dead) + count(State::Left))
    }

    /// What happened until now.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes a datagram in that was sent to a node; `now` is since the start. What is answered goes into `out`.
    pub fn receive(
        &mut self,
        now: Duration,
        from: SocketAddr,
        to: Ipv4Addr,
        datagram: &mut [u8],
        out: &mut Vec<Datagram>,
    ) {
        let place = address::place(to).and_then(|place| self.places.get(place as usize).copied().flatten());
        let alive = place.filter(|place| self.members.get(*place as usize).is_some_and(Member::is_alive));
        let Some(own) = alive else {
            self.counters.nobody += 1;
            return;
        };
        if self.take(now, own, from, datagram, out).is_none() {
            self.counters.malformed += 1;
        }
    }

    /// `None` of what is not answered because it is not understood.
    fn take(
        &mut self,
        now: Duration,
        own: u32,
        from: SocketAddr,
        datagram: &mut [u8],
        out: &mut Vec<Datagram>,
    ) -> Option<()> {
        let id = self.members.get(own as usize)?.id();
        let Ok(packet) = Packet::decode(datagram, id) else {
            self.limit(now, own, from.ip(), None);
            return None;
        };
        match packet.kind {
            Kind::WhoAreYou { .. } => {
                self.limit(now, own, from.ip(), None);
                None
            }
            Kind::Ordinary { from: asker } => {
                let pair = (own, from, asker);
                // Who was just asked for a handshake is expected to send something.
                let expected = self.sessions.challenged(now, &pair).is_some();
                if !expected && !self.limit(now, own, from.ip(), Some(asker)) {
                    return Some(());
                }
                let keys = self.sessions.keys(&pair);
                let message = keys.map(|keys| session::open(&keys.read, &packet.nonce, packet.head, packet.message));
                match (keys, message) {
                    (Some(keys), Some(Ok(message))) => self.answer(&pair, &keys, message, out),
                    _ => self.challenge(now, pair, &packet.nonce, out),
                }
            }
            Kind::Handshake { from: asker, signature, ephemeral, record } => {
                let pair = (own, from, asker);
                let Some(challenged) = self.sessions.challenged(now, &pair) else {
                    self.limit(now, own, from.ip(), Some(asker));
                    return None;
                };
                let record = self.records.verify(record?).ok()?;
                let me = &self.members.get(own as usize)?.identity;
                let keys = session::accept(me, asker, &record, &challenged.challenge, signature, ephemeral).ok()?;
                let message = session::open(&keys.read, &packet.nonce, packet.head, packet.message).ok()?;
                self.sessions.answered(&pair);
                self.sessions.open(pair, keys);
                self.counters.handshakes += 1;
                self.answer(&pair, &keys, message, out)
            }
        }
    }

    /// Whether the limiter lets a packet pass.
    fn limit(&mut self, now: Duration, own: u32, ip: IpAddr, asker: Option<NodeId>) -> bool {
        if self.plan.limiter == Limiter::None {
            return true;
        }
        let (Some(memory), Some(member)) = (self.limiters.get_mut(own as usize), self.members.get(own as usize)) else {
            return false;
        };
        let mut verdict = memory.before_reading(now, ip);
        if let (Verdict::Pass, Some(asker)) = (verdict, asker) {
            verdict = memory.after_reading(now, ip, asker);
        }
        match verdict {
            Verdict::Pass => return true,
            Verdict::Ban(Banned::Ip(ip)) => self.counters.ban(ip.to_string(), member.id()),
            Verdict::Ban(Banned::Node(id)) => self.counters.ban(id.to_string(), member.id()),
            Verdict::Busy | Verdict::Ignored => {}
        }
        self.counters.limited += 1;
        false
    }

    /// Asks for a handshake; once more with the same words if that was done a moment ago.
    fn challenge(&mut self, now: Duration, pair: Pair, nonce: &[u8; 12], out: &mut Vec<Datagram>) -> Option<()> {
        let (own, to, asker) = pair;
        let ip = self.members.get(own as usize)?.ip;
        self.counters.challenges += 1;
        if let Some(challenged) = self.sessions.challenged(now, &pair) {
            out.push(Datagram { to, from: ip, bytes: challenged.datagram.clone() });
            return Some(());
        }
        // No record of strangers is kept, so each is asked for.
        let head = Head::whoareyou(self.dice.random(), nonce, self.dice.random(), 0);
        let challenge = *head.challenge()?;
        let datagram = head.mask(asker, &[]).ok()?;
        out.push(Datagram { to, from: ip, bytes: datagram.clone() });
        self.sessions.challenge(pair, Challenged { challenge, datagram, since: now });
        Some(())
    }

    fn answer(&mut self, pair: &Pair, keys: &Keys, message: &[u8], out: &mut Vec<Datagram>) -> Option<()> {
        match Message::decode(message).ok()? {
            Message::Ping { id, .. } => {
                self.counters.pings += 1;
                let seq = self.members.get(pair.0 as usize)?.record().seq();
                let pong = Message::Pong { id, seq, ip: pair.1.ip(), port: pair.1.port() };
                self.send(pair, keys, &pong, out)
            }
            Message::FindNode { id, distances } => {
                self.counters.findnodes += 1;
                self.tell(pair, keys, id, &distances, out)
            }
            Message::TalkRequest { id, .. } => self.send(pair, keys, &Message::TalkResponse { id, response: &[] }, out),
            _ => None,
        }
    }

    /// Answers FINDNODE.
    fn tell(
        &mut self,
        pair: &Pair,
        keys: &Keys,
        id: RequestId,
        distances: &[u16],
        out: &mut Vec<Datagram>,
    ) -> Option<()> {
        let (member, table) = (self.members.get(pair.0 as usize)?, self.tables.get(pair.0 as usize)?);
        let told = member.manner.tell(pair.0, table, distances);
        // Cheap to clone, and the answer must not hold on to the network.
        let records: Vec<Record> = told.iter().filter_map(|told| self.record_told_by(pair.0, *told)).cloned().collect();
        let mut rest: &[Record] = &records;
        let sizes: Vec<usize> = records.iter().map(|record| record.rlp().len()).collect();
        let mut packets: Vec<Vec<&[u8]>> = Vec::with_capacity(6);
        for count in member.manner.split(&sizes) {
            let (now, later) = rest.split_at_checked(count)?;
            packets.push(now.iter().map(Record::rlp).collect());
            rest = later;
        }
        if self.plan.poison > 0.0 {
            return self.tell_poisoned(pair, keys, id, distances, packets, out);
        }
        let total = packets.len() as u64;
        for records in packets {
            self.send(pair, keys, &Message::Nodes { id, total, records }, out)?;
        }
        Some(())
    }

    /// The same, with some packets poisoned.
    fn tell_poisoned(
        &mut self,
        pair: &Pair,
        keys: &Keys,
        id: RequestId,
        distances: &[u16],
        packets: Vec<Vec<&[u8]>>,
        out: &mut Vec<Datagram>,
    ) -> Option<()> {
        let distance = distances.first().copied().unwrap_or_default();
        let elsewhere = self.tables.get(pair.0 as usize)?.elsewhere(distance, &mut self.dice);
        let elsewhere =
            elsewhere.and_then(|other| self.members.get(other as usize)).map(|other| other.record().clone());
        let poisons: Vec<Option<Poison>> = packets
            .iter()
            .map(|_| self.dice.random_bool(self.plan.poison).then(|| Poison::any(&mut self.dice)))
            .collect();
        self.counters.poisoned += poisons.iter().flatten().count() as u64;
        let forged: Vec<Option<Vec<u8>>> =
            poisons.iter().map(|poison| (*poison)?.record(elsewhere.as_ref()?.rlp())).collect();
        let mut packets: Vec<Vec<&[u8]>> = packets;
        for (place, more) in forged.iter().enumerate() {
            let (Some(more), Some(packet)) = (more, packets.get_mut(place)) else { continue };
            if poison::fits(packet, more) {
                packet.insert(self.dice.random_range(0..=packet.len()), more);
            } else {
                packets.push(vec![more]);
            }
        }
        let total = packets.len() as u64;
        let other = RequestId::from(self.dice.random::<u64>());
        for (records, poison) in packets.into_iter().zip(poisons.into_iter().chain(std::iter::repeat(None))) {
            let (id, total) = match poison {
                Some(Poison::Total(total)) => (id, total),
                Some(Poison::Request) => (other, total),
                _ => (id, total),
            };
            if poison == Some(Poison::Unsolicited) {
                let records = elsewhere.iter().map(Record::rlp).collect();
                self.send(pair, keys, &Message::Nodes { id: other, total: 1, records }, out)?;
            }
            self.send(pair, keys, &Message::Nodes { id, total, records }, out)?;
        }
        Some(())
    }

    /// The record that the node `own` tells of `told`: for a while, every other neighbour of a node that has a new
    /// record tells the one before.
    fn record_told_by(&self, own: u32, told: u32) -> Option<&Record> {
        let member = self.members.get(told as usize)?;
        let is_late = own != told && (own ^ told) & 1 == 1;
        member.before.as_ref().filter(|_| is_late).or(Some(member.record()))
    }

    fn send(&mut self, pair: &Pair, keys: &Keys, message: &Message<'_>, out: &mut Vec<Datagram>) -> Option<()> {
        let member = self.members.get(pair.0 as usize)?;
        let nonce = self.dice.random();
        let head = Head::ordinary(self.dice.random(), &nonce, member.id());
        let sealed = session::seal(&keys.write, &nonce, head.bytes(), &message.encode()).ok()?;
        out.push(Datagram { to: pair.1, from: member.ip, bytes: head.mask(pair.2, &sealed).ok()? });
        Some(())
    }
}

/// Why there is no network.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq)]
pub enum NetworkError {
    /// The plan is none.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A record could not be signed.
    #[error("cannot make a record")]
    Record(#[from] RecordError),
    /// No address is left.
    #[error("there are no addresses for more nodes")]
    Full,
}
