//! What a client did and met, since it started.

use serde::Serialize;

/// Totals; none of them ever falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Datagrams sent.
    pub packets_sent: u64,
    /// Datagrams received.
    pub packets_received: u64,
    /// Bytes of them.
    pub bytes_sent: u64,
    /// Bytes of them.
    pub bytes_received: u64,
    /// Datagrams that the system refused to send.
    pub packets_refused: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Handshake packets sent; more than sessions where the other side did not take them.
    pub handshakes: u64,
    /// WHOAREYOU packets that answered a packet of ours.
    pub whoareyou: u64,
    /// Questions answered, partly answered ones included.
    pub answered: u64,
    /// Questions that got a part of their answer.
    pub partial: u64,
    /// Questions that got no answer.
    pub silent: u64,
    /// Packets that were not answered in time.
    pub timeouts: u64,
    /// Packets sent again for that.
    pub retries: u64,
    /// Packets from somebody there is no session with, or that do not open.
    pub strangers: u64,
    /// Datagrams that are no packet, and messages that are no message.
    pub undecodable: u64,
    /// Answers to nothing that is being asked: late, replayed, or made up.
    pub unasked: u64,
    /// Questions that others asked us and that got a reply.
    pub replies: u64,
    /// Records in answers, good ones.
    pub records: u64,
    /// Records that had not been seen before and were verified.
    pub records_verified: u64,
    /// Records that are wrong.
    pub bad_records: u64,
    /// Records at a distance that was not asked for.
    pub wrong_distances: u64,
    /// Records beyond what an answer may hold.
    pub surplus_records: u64,
    /// Peers that answered and then fell silent: perhaps they banned us.
    pub silent_after_answer: u64,
    /// Packets that waited because of a pace.
    pub paced: u64,
}
