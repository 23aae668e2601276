//! Finds further nodes: hosts of peers, tried where nodes tell their status.
//!
//! In: where peers can be reached, as polled nodes tell it; seeds. Out: targets that are nodes of our network, and a
//! report of what was tried and why not. Off unless asked for.
//!
//! Invariants: whatever is called is judged by the guarded client, literal addresses and names alike; only the templates'
//! schemes, ports and paths are used; a node counts only if it says that it is in our network, and is one of those that
//! its host was told to be; so many probes a minute and no more; a host that is not told of for a day is forgotten.

mod book;
mod place;
mod probe;
mod search;

pub use self::book::{Candidate, Tried};
pub(super) use self::search::{Ours, Search, Step};

/// How hosts are tried.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Base URLs with `{host}` for the host.
    pub templates: Vec<String>,
    /// Names whose addresses are tried.
    pub seeds: Vec<String>,
    /// Probes a minute.
    pub probes_per_min: u32,
    /// Nodes that are taken in, at most.
    pub max_nodes: usize,
}
