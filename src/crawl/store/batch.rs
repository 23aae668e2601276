//! What one owner writes of one part at a time.

use redis::Cmd;

use super::{MAX_EVENTS, MAX_GONE, MAX_INBOX};
use crate::discv5::NodeId;

/// How far the owner of a part is with an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is work.
    #[default]
    Busy,
    /// All work of the epoch is done.
    Idle,
    /// Its end has been counted.
    Tracked,
}

/// One thing that has changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// A member of the live set, as JSON.
    Node(NodeId, String),
    /// Whom it told of, 32 bytes each.
    Edges(NodeId, Vec<u8>),
    /// A candidate, as JSON.
    Candidate(NodeId, String),
    /// A candidate that is of no interest any more.
    Forget(NodeId),
    /// A former member, as JSON.
    Gone(NodeId, String),
    /// A former record of a node, a JSON line.
    History(NodeId, String),
    /// A record for the owner of another part.
    Tell(u8, Vec<u8>),
    /// An event, as JSON.
    Event(String),
    /// Something that is counted per epoch.
    Count(&'static str, u64),
    /// A node has left after so many minutes (a power of two, rounded down).
    Session(u64),
}

/// What has changed in one part.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Which part.
    pub part: u8,
    /// Under which claim.
    pub fence: u64,
    /// Which of the writes under that claim; 1 is the first.
    pub number: u64,
    /// The epoch that counts are of.
    pub epoch: u64,
    /// How far its owner is with that.
    pub state: State,
    /// Records of its inbox that are dealt with by what is written here.
    pub read: usize,
    /// What has changed.
    pub changes: Vec<Change>,
}

impl State {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Tracked => "tracked",
        }
    }
}

impl Batch {
    pub(super) fn write(&self, cmd: &mut Cmd, keep_ms: u64) {
        cmd.arg(self.part).arg(self.fence).arg(self.number).arg(self.epoch).arg(self.state.as_str()).arg(keep_ms);
        cmd.arg(self.read).arg(MAX_INBOX).arg(MAX_GONE).arg(MAX_EVENTS).arg(keep_ms);
        for change in &self.changes {
            match change {
                Change::Node(id, json) => cmd.arg("node").arg(id.to_string()).arg(json),
                Change::Edges(id, ids) => cmd.arg("edges").arg(id.to_string()).arg(ids.as_slice()),
                Change::Candidate(id, json) => cmd.arg("candidate").arg(id.to_string()).arg(json),
                Change::Forget(id) => cmd.arg("forget").arg(id.to_string()),
                Change::Gone(id, json) => cmd.arg("gone").arg(id.to_string()).arg(json),
                Change::History(id, json) => cmd.arg("history").arg(id.to_string()).arg(json),
                Change::Tell(part, record) => cmd.arg("tell").arg(part).arg(record.as_slice()),
                Change::Event(json) => cmd.arg("event").arg(json),
                Change::Count(name, n) => cmd.arg("count").arg(*name).arg(n),
                Change::Session(minutes) => cmd.arg("session").arg(minutes),
            };
        }
    }
}
