//! What the engine keeps of a peer it is asking, and of each question.

use std::{collections::VecDeque, net::SocketAddr, time::Instant};

use super::{
    ask::{Peer, Question},
    node_id::NodeId,
    packet::Nonce,
    record::Record,
    session::Keys,
};

/// A session belongs to a node at an address: at another address it is another session.
pub(super) type Place = (NodeId, SocketAddr);
/// Which question; stands in its packets as the request id.
pub(super) type CallId = u64;

/// A question that is being asked.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) place: Place,
    pub(super) question: Question,
    pub(super) stage: Stage,
    /// Under which nonces its packets went, the last one last: some clients answer the first of several with the one
    /// WHOAREYOU that they repeat.
    pub(super) nonces: Vec<Nonce>,
    /// When its last packet went.
    pub(super) sent_at: Instant,
    /// How often it may be sent again for want of an answer.
    pub(super) retries_left: u8,
    /// Handshakes made for it since it was sent last.
    pub(super) handshakes: u8,
    /// The nonce of the last WHOAREYOU that such a handshake answered.
    pub(super) challenged: Option<Nonce>,
    /// Whether it was sent again because the session had ended.
    pub(super) repeated: bool,
}

/// Where a question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the contact's queue.
    Waiting,
    /// At the head of the queue, to be sent at this time.
    Booked(Instant),
    /// Sent; given up at this time.
    Sent(Instant),
}

impl Stage {
    /// When something is to be done about it.
    pub(super) fn due(self) -> Option<Instant> {
        match self {
            Self::Waiting => None,
            Self::Booked(at) | Self::Sent(at) => Some(at),
        }
    }
}

/// A peer with questions.
#[derive(Debug)]
pub(super) struct Contact {
    pub(super) record: Record,
    /// The keys that both sides have.
    pub(super) session: Option<Keys>,
    /// The keys of our last handshake packet; a message under them makes them the session.
    pub(super) proposed: Option<Keys>,
    /// The question whose packets are to begin a session; the others wait.
    pub(super) opening: Option<CallId>,
    /// Questions to send.
    pub(super) queue: VecDeque<CallId>,
    /// Questions sent.
    pub(super) sent: Vec<CallId>,
    /// Whether its last question was answered.
    pub(super) answers: bool,
}

impl Contact {
    pub(super) fn new(peer: &Peer, known: Option<Acquaintance>) -> Self {
        Self {
            record: peer.record.clone(),
            session: known.map(|known| known.keys),
            proposed: None,
            opening: None,
            queue: VecDeque::new(),
            sent: Vec::new(),
            answers: known.is_some_and(|known| known.answers),
        }
    }

    /// Whether its next question must wait until a session has begun.
    pub(super) fn is_opening(&self) -> bool {
        self.session.is_none() && self.opening.is_some()
    }

    /// Takes a question out, wherever it stands.
    pub(super) fn remove(&mut self, id: CallId) {
        self.sent.retain(|sent| *sent != id);
        self.queue.retain(|waiting| *waiting != id);
        if self.opening == Some(id) {
            self.opening = None;
            self.proposed = None;
        }
    }
}

/// A peer without questions, to which a session is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acquaintance {
    pub(super) keys: Keys,
    pub(super) answers: bool,
}
