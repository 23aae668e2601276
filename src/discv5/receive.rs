//! What the engine does with a datagram. Everything in it may be made up by anybody.

use std::{net::SocketAddr, time::Instant};

use super::{
    ask::{Pong, Question},
    codec::{Message, RequestId},
    contact::{CallId, Place},
    engine::Engine,
    packet::{Challenge, Head, Kind, Nonce, Packet},
    session::{self, Keys},
};

/// Handshakes made for one sending of a question: the second is for who forgot the first.
const MAX_HANDSHAKES: u8 = 2;

impl Engine {
    /// Takes a datagram; it is unmasked and opened in its buffer.
    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        let Ok(packet) = Packet::decode(datagram, self.me.id()) else {
            self.counters.undecodable += 1;
            return;
        };
        match packet.kind {
            Kind::WhoAreYou { challenge, seq } => self.challenged(now, from, packet.nonce, challenge, seq),
            Kind::Ordinary { from: id } => self.opened(now, (id, from), packet),
            // Only who was sent a WHOAREYOU has reason to shake hands, and nobody is.
            Kind::Handshake { .. } => self.counters.strangers += 1,
        }
    }

    /// A WHOAREYOU. It is not sealed, but only who got our packet knows its nonce.
    fn challenged(&mut self, now: Instant, from: SocketAddr, nonce: Nonce, challenge: &Challenge, seq: u64) {
        let call = self.nonces.get(&nonce).and_then(|id| Some((*id, self.calls.get_mut(id)?)));
        let Some((id, call)) = call.filter(|(_, call)| call.place.1 == from) else {
            self.counters.strangers += 1;
            return;
        };
        let Some(contact) = self.contacts.get_mut(&call.place) else { return };
        let is_late = call.nonces.last() != Some(&nonce) && contact.session.is_some();
        if is_late || call.challenged == Some(nonce) {
            // The session that it asks for has begun since, or is beginning.
            self.counters.unasked += 1;
            return;
        }
        self.counters.whoareyou += 1;
        if contact.opening.is_some_and(|opening| opening != id) {
            // Another question opens the new session already; this one follows it.
            if !std::mem::replace(&mut call.repeated, true) {
                self.put_back(id);
            }
        } else if call.handshakes < MAX_HANDSHAKES {
            call.challenged = Some(nonce);
            // It may have waited to be sent again.
            contact.queue.retain(|waiting| *waiting != id);
            if !contact.sent.contains(&id) {
                contact.sent.push(id);
            }
            self.shake_hands(now, id, challenge, seq);
        }
    }

    /// A packet with a message: opens it with the keys there are.
    fn opened(&mut self, now: Instant, place: Place, packet: Packet<'_>) {
        let Packet { nonce, head, message, .. } = packet;
        let Some(contact) = self.contacts.get_mut(&place) else {
            let known = self.acquaintances.get(&place).map(|known| known.keys);
            match known.and_then(|keys| Some((keys, session::open(&keys.read, &nonce, head, message).ok()?))) {
                Some((keys, message)) => self.read(now, place, keys, nonce, message),
                None => self.counters.strangers += 1,
            }
            return;
        };
        if let Some(keys) = contact.proposed
            && session::open(&keys.read, &nonce, head, message).is_ok()
        {
            contact.session = contact.proposed.take();
            let opening = contact.opening.take();
            let under_way: Vec<CallId> = contact.sent.iter().copied().filter(|id| Some(*id) != opening).collect();
            self.counters.sessions += 1;
            for id in under_way {
                self.repeat(id);
            }
            self.read(now, place, keys, nonce, message_of(message));
        } else if let Some(keys) = contact.session
            && session::open(&keys.read, &nonce, head, message).is_ok()
        {
            self.read(now, place, keys, nonce, message_of(message));
        } else {
            self.counters.strangers += 1;
            return;
        }
        self.advance(now, place);
    }

    /// Sends a question again that was sent under keys that the other side does not have any more.
    fn repeat(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id)
            && !std::mem::replace(&mut call.repeated, true)
        {
            self.put_back(id);
        }
    }

    /// A message that the peer sealed for us.
    fn read(&mut self, now: Instant, place: Place, keys: Keys, nonce: Nonce, message: &[u8]) {
        let Ok(message) = Message::decode(message) else {
            self.counters.undecodable += 1;
            return;
        };
        match message {
            Message::Pong { id, seq, ip, port } => self.pong(now, place, id, seq, (ip, port)),
            Message::Nodes { id, total, records } => self.nodes(now, place, id, nonce, total, &records),
            Message::Ping { id, .. } => {
                let (ip, port) = (place.1.ip(), place.1.port());
                self.reply(now, place, keys, &Message::Pong { id, seq: self.me.record().seq(), ip, port });
            }
            Message::FindNode { id, .. } => {
                self.reply(now, place, keys, &Message::Nodes { id, total: 1, records: Vec::new() });
            }
            Message::TalkRequest { id, .. } => {
                self.reply(now, place, keys, &Message::TalkResponse { id, response: &[] });
            }
            Message::TalkResponse { .. } => self.counters.unasked += 1,
        }
    }

    fn reply(&mut self, now: Instant, place: Place, keys: Keys, message: &Message<'_>) {
        if !self.replies.take(now, place.0) {
            return;
        }
        let nonce = self.next_nonce();
        let head = Head::ordinary(rand::random(), &nonce, self.me.id());
        if let Ok(sealed) = session::seal(&keys.write, &nonce, head.bytes(), &message.encode()) {
            self.post(place, head, &sealed);
            self.counters.replies += 1;
        }
    }

    fn pong(&mut self, now: Instant, place: Place, id: RequestId, seq: u64, seen_as: (std::net::IpAddr, u16)) {
        let asked = self
            .asked(place, id)
            .filter(|id| self.calls.get(id).is_some_and(|call| matches!(call.question, Question::Ping(_))));
        let Some(call) = asked.and_then(|id| self.remove(id)) else {
            self.counters.unasked += 1;
            return;
        };
        self.note_answer(place);
        if let Question::Ping(answer) = call.question {
            let took = now.saturating_duration_since(call.sent_at);
            // Who asked may be gone.
            answer.send(Ok(Pong { seq, took, seen_as })).ok();
        }
    }

    fn nodes(&mut self, now: Instant, place: Place, id: RequestId, nonce: Nonce, total: u64, records: &[&[u8]]) {
        let call = self.asked(place, id).and_then(|id| Some((id, self.calls.get_mut(&id)?)));
        let Some((id, Question::FindNode { distances, gathered, .. })) =
            call.map(|(id, call)| (id, &mut call.question))
        else {
            self.counters.unasked += 1;
            return;
        };
        // Some say that nobody comes in no packets.
        if !gathered.packet(nonce, total.max(u64::from(records.is_empty()))) {
            self.counters.unasked += 1;
            return;
        }
        for rlp in records {
            if gathered.is_full() {
                gathered.dropped().surplus += 1;
                self.counters.surplus_records += 1;
                continue;
            }
            match self.records.verify(rlp) {
                Ok(record) if gathered.record(place.0, distances, &record) => self.counters.records += 1,
                Ok(_) => {
                    gathered.dropped().wrong_distance += 1;
                    self.counters.wrong_distances += 1;
                }
                Err(_) => {
                    gathered.dropped().bad += 1;
                    self.counters.bad_records += 1;
                }
            }
        }
        if gathered.is_whole() {
            self.end_gathering(now, id);
        }
    }

    /// Hands over the packets of an answer, all of them or those that came in time.
    pub(super) fn end_gathering(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.remove(id) else { return };
        self.note_answer(call.place);
        if let Question::FindNode { gathered, answer, .. } = call.question {
            if !gathered.is_whole() {
                self.counters.partial += 1;
            }
            let took = now.saturating_duration_since(call.sent_at);
            // Who asked may be gone.
            answer.send(Ok(gathered.into_nodes(took))).ok();
        }
    }

    fn note_answer(&mut self, place: Place) {
        self.counters.answered += 1;
        if let Some(contact) = self.contacts.get_mut(&place) {
            contact.answers = true;
        }
    }

    /// The question with this id, if it was put to this peer.
    fn asked(&self, place: Place, id: RequestId) -> Option<CallId> {
        let id = CallId::from_be_bytes(id.as_bytes().try_into().ok()?);
        self.calls.get(&id).filter(|call| call.place == place).map(|_| id)
    }
}

/// The opened part of a message that was opened where it stands.
fn message_of(opened: &[u8]) -> &[u8] {
    opened.get(..opened.len().saturating_sub(session::SEAL)).unwrap_or_default()
}
