//! The client without its sockets: questions, datagrams and the time go in; datagrams and answers come out.
//!
//! A question waits in its contact's queue until the pace lets it go. The first question to a contact without a session
//! opens one: random bytes, WHOAREYOU, a handshake packet with the question inside; the others wait for that. A
//! WHOAREYOU to a question under an old session does the same, and questions that were under way are sent once more.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::SocketAddr,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use ahash::HashMap;
use hashlink::LruCache;

use super::{
    ask::{AskError, Peer, Question},
    codec::RequestId,
    contact::{Acquaintance, Call, CallId, Contact, Place, Stage},
    counters::Counters,
    node_id::NodeId,
    pacing::{Buckets, Pace, Pacing},
    packet::{Head, Nonce},
    records::Records,
    session::{self, Ephemeral, Identity},
};

/// Replies to what others ask us, for each of them.
const REPLIES: Pace = {
    let (Some(rate), Some(burst)) = (NonZeroU32::new(2), NonZeroU32::new(5)) else { panic!("not zero") };
    Pace { rate, burst }
};
/// How long one key pair serves: making a pair costs as much as a signature, and what a crawl asks is no secret.
const EPHEMERAL: Duration = Duration::from_secs(1);
/// Bytes of a packet that only asks for a handshake.
const RANDOM: usize = 44;

/// How questions are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    pub(super) request_timeout: Duration,
    pub(super) handshake_timeout: Duration,
    pub(super) retries: u8,
    pub(super) peer_pace: Pace,
    pub(super) ip_pace: Option<Pace>,
    pub(super) sessions: usize,
    pub(super) records: usize,
}

/// All that a client knows.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) me: Identity,
    manners: Manners,
    pub(super) calls: HashMap<CallId, Call>,
    /// Which question a packet of ours asked.
    pub(super) nonces: HashMap<Nonce, CallId>,
    pub(super) contacts: HashMap<Place, Contact>,
    pub(super) acquaintances: LruCache<Place, Acquaintance>,
    pub(super) records: Records,
    pacing: Pacing,
    pub(super) replies: Buckets<NodeId>,
    /// Times at which a question is due; those that are over stay until their time.
    alarms: BinaryHeap<Reverse<(Instant, CallId)>>,
    outbox: Vec<(SocketAddr, Vec<u8>)>,
    packets: u32,
    /// The key pair for key agreements, and since when.
    ephemeral: Option<(Ephemeral, Instant)>,
    pub(super) counters: Counters,
}

impl Engine {
    pub(super) fn new(me: Identity, manners: Manners) -> Self {
        Self {
            me,
            calls: HashMap::default(),
            nonces: HashMap::default(),
            contacts: HashMap::default(),
            acquaintances: LruCache::new(manners.sessions.max(1)),
            records: Records::new(manners.records),
            pacing: Pacing::new(manners.peer_pace, manners.ip_pace),
            replies: Buckets::new(REPLIES),
            alarms: BinaryHeap::new(),
            outbox: Vec::new(),
            packets: rand::random(),
            ephemeral: None,
            counters: Counters::default(),
            manners,
        }
    }

    /// Questions without an answer yet.
    pub(super) fn open(&self) -> usize {
        self.calls.len()
    }

    /// Datagrams to send.
    pub(super) fn take_packets(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.outbox)
    }

    /// When [`Engine::tick`] has something to do.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.alarms.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn counters(&self) -> Counters {
        Counters { records_verified: self.records.verified(), ..self.counters }
    }

    /// Takes a question.
    pub(super) fn ask(&mut self, now: Instant, peer: &Peer, question: Question) {
        if peer.record.id() == self.me.id() {
            return question.fail(AskError::Itself);
        }
        let place = (peer.record.id(), peer.address);
        let contact = self.contacts.entry(place).or_insert_with(|| {
            let known = self.acquaintances.remove(&place);
            Contact::new(peer, known)
        });
        // Some clients drop the leading zero bytes of a request id, so there are none.
        let id = rand::random::<CallId>() | 1 << 63;
        contact.queue.push_back(id);
        let retries_left = self.manners.retries;
        let stage = Stage::Waiting;
        let nonces = Vec::new();
        let call = Call {
            place,
            question,
            stage,
            nonces,
            sent_at: now,
            retries_left,
            handshakes: 0,
            challenged: None,
            repeated: false,
        };
        self.calls.insert(id, call);
        self.advance(now, place);
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        while let Some(Reverse((at, id))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            // Answered, or put off, since the alarm was set.
            let Some(call) = self.calls.get(&id).filter(|call| call.stage.due() == Some(at)) else { continue };
            let place = call.place;
            if matches!(call.stage, Stage::Sent(..)) {
                self.time_out(now, id);
            }
            self.advance(now, place);
        }
    }

    /// Sends what a contact's queue and the pace allow; lets a contact go that has no questions left.
    pub(super) fn advance(&mut self, now: Instant, place: Place) {
        loop {
            let Some(contact) = self.contacts.get_mut(&place) else { return };
            if contact.is_opening() {
                return;
            }
            let Some(id) = contact.queue.front().copied() else { break };
            let Some(call) = self.calls.get_mut(&id).filter(|call| !call.question.is_abandoned()) else {
                contact.queue.pop_front();
                for nonce in self.calls.remove(&id).into_iter().flat_map(|call| call.nonces) {
                    self.nonces.remove(&nonce);
                }
                continue;
            };
            let at = match call.stage {
                Stage::Booked(at) => at,
                Stage::Waiting | Stage::Sent(..) => {
                    let at = self.pacing.book(now, place.0, place.1.ip());
                    if at > now {
                        call.stage = Stage::Booked(at);
                        self.alarms.push(Reverse((at, id)));
                        self.counters.paced += 1;
                    }
                    at
                }
            };
            if at > now {
                return;
            }
            contact.queue.pop_front();
            contact.sent.push(id);
            self.send(now, id);
        }
        if self.contacts.get(&place).is_some_and(|contact| contact.sent.is_empty())
            && let Some(contact) = self.contacts.remove(&place)
            && let Some(keys) = contact.session
        {
            self.acquaintances.insert(place, Acquaintance { keys, answers: contact.answers });
        }
    }

    /// Sends a question under its contact's session, or random bytes to begin one.
    fn send(&mut self, now: Instant, id: CallId) {
        let nonce = self.next_nonce();
        let Some(call) = self.calls.get(&id) else { return };
        let Some(contact) = self.contacts.get_mut(&call.place) else { return };
        let head = Head::ordinary(rand::random(), &nonce, self.me.id());
        let message = if let Some(keys) = contact.session {
            let message = call.question.message(RequestId::from(id), self.me.record().seq());
            session::seal(&keys.write, &nonce, head.bytes(), &message.encode()).unwrap_or_default()
        } else {
            contact.opening = Some(id);
            rand::random::<[u8; RANDOM]>().to_vec()
        };
        let timeout =
            if contact.session.is_some() { self.manners.request_timeout } else { self.manners.handshake_timeout };
        let place = call.place;
        self.post(place, head, &message);
        self.sent(now, id, nonce, timeout);
    }

    /// Answers the WHOAREYOU to a question: the question once more, under new keys.
    pub(super) fn shake_hands(&mut self, now: Instant, id: CallId, challenge: &super::packet::Challenge, seq: u64) {
        let (nonce, ephemeral) = (self.next_nonce(), self.ephemeral(now));
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(contact) = self.contacts.get_mut(&call.place) else { return };
        call.handshakes += 1;
        contact.session = None;
        contact.opening = Some(id);
        let shaken = session::initiate(&self.me, &contact.record, challenge, &ephemeral);
        contact.proposed = Some(shaken.keys);
        let record = (seq < self.me.record().seq()).then_some(self.me.record());
        let head = Head::handshake(rand::random(), &nonce, self.me.id(), &shaken.signature, &shaken.ephemeral, record);
        let message = call.question.message(RequestId::from(id), self.me.record().seq());
        let message = session::seal(&shaken.keys.write, &nonce, head.bytes(), &message.encode()).unwrap_or_default();
        let place = call.place;
        self.counters.handshakes += 1;
        self.post(place, head, &message);
        self.sent(now, id, nonce, self.manners.request_timeout);
    }

    /// The key pair for the key agreements of this moment.
    fn ephemeral(&mut self, now: Instant) -> Ephemeral {
        let current = self.ephemeral.take().filter(|(_, since)| now.saturating_duration_since(*since) < EPHEMERAL);
        let (pair, since) = current.unwrap_or_else(|| (Ephemeral::new(session::random_secret()), now));
        self.ephemeral = Some((pair.clone(), since));
        pair
    }

    /// Notes that a packet of a question has gone.
    fn sent(&mut self, now: Instant, id: CallId, nonce: Nonce, timeout: Duration) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.sent_at = now;
        call.stage = Stage::Sent(now + timeout);
        call.nonces.push(nonce);
        self.nonces.insert(nonce, id);
        self.alarms.push(Reverse((now + timeout, id)));
    }

    pub(super) fn post(&mut self, (id, address): Place, head: Head, message: &[u8]) {
        // Nothing that is sent comes near the limit of a packet.
        if let Ok(packet) = head.mask(id, message) {
            self.outbox.push((address, packet));
        }
    }

    /// No answer in time: asks again, hands over what has come, or gives up.
    fn time_out(&mut self, now: Instant, id: CallId) {
        self.counters.timeouts += 1;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let started = matches!(&call.question, Question::FindNode { gathered, .. } if !gathered.is_empty());
        if started {
            return self.end_gathering(now, id);
        }
        if call.retries_left > 0 && !call.question.is_abandoned() {
            call.retries_left -= 1;
            (call.handshakes, call.challenged) = (0, None);
            self.counters.retries += 1;
            return self.put_back(id);
        }
        let place = call.place;
        let Some(contact) = self.contacts.get_mut(&place) else { return };
        // Who does not answer a handshake will not answer the questions that wait for it.
        let waiting = if contact.opening == Some(id) { std::mem::take(&mut contact.queue).into() } else { Vec::new() };
        if std::mem::take(&mut contact.answers) {
            self.counters.silent_after_answer += 1;
        }
        for id in std::iter::once(id).chain(waiting) {
            if let Some(call) = self.remove(id) {
                self.counters.silent += 1;
                call.question.fail(AskError::Silent);
            }
        }
    }

    /// Puts a question that was sent back to the head of its contact's queue.
    pub(super) fn put_back(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.stage = Stage::Waiting;
        if let Some(contact) = self.contacts.get_mut(&call.place) {
            contact.remove(id);
            contact.queue.push_front(id);
        }
    }

    /// Takes a question out. Its contact stays until the next [`Engine::advance`].
    pub(super) fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        for nonce in &call.nonces {
            self.nonces.remove(nonce);
        }
        if let Some(contact) = self.contacts.get_mut(&call.place) {
            contact.remove(id);
        }
        Some(call)
    }

    /// Never the same under one key: a counter, and random bytes for when it has gone round.
    pub(super) fn next_nonce(&mut self) -> Nonce {
        self.packets = self.packets.wrapping_add(1);
        let mut nonce: Nonce = rand::random();
        if let Some(place) = nonce.first_chunk_mut::<4>() {
            *place = self.packets.to_be_bytes();
        }
        nonce
    }
}
