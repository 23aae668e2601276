//! What is true of the nodes: who they are, since when, and who is connected to whom.

use std::{net::Ipv4Addr, time::Duration};

use sha2::{Digest as _, Sha256};

use super::manner::Manner;

/// What the nodes look like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many there are; at most 10,000.
    pub nodes: u16,
    /// Connections of each, to its neighbours and to peers that nobody can reach.
    pub connections: u16,
    /// The port that all of them listen on; 0 takes one that is free.
    pub port: u16,
    /// How far what a node says of its age may be off, to either side.
    pub jitter: Duration,
    /// How some of them behave, by their numbers.
    pub manners: Vec<(u16, Manner)>,
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: String,
    /// When it began, in seconds since 1970.
    pub(super) since: f64,
    pub(super) manner: Manner,
    /// Numbers of neighbours and of peers (from [`PEERS`] on), each with when the connection began.
    pub(super) connected: Vec<(u32, f64)>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) height: u64,
    /// The time of the newest block.
    pub(super) latest: i64,
    pub(super) jitter: Duration,
    pub(super) port: u16,
}

/// Peers that are no nodes have numbers from here on.
pub(super) const PEERS: u32 = 1 << 20;

impl World {
    /// All nodes began a while ago.
    pub(super) fn new(plan: &Plan, now: f64) -> Self {
        let count = u32::from(plan.nodes);
        let neighbours = (u32::from(plan.connections) / 2).min(count.saturating_sub(1)) / 2 * 2;
        let peers = u32::from(plan.connections) - neighbours;
        // Every peer has two reporters, if there are two.
        let shared = peers.div_ceil(2);
        let nodes = (0..count).map(|number| {
            let around =
                (1..=neighbours / 2).flat_map(|step| [(number + step) % count, (number + count - step) % count]);
            let own = (0..shared).map(|n| number * shared + n);
            let before = (number + count - 1) % count;
            let of_neighbour = (0..peers - shared).map(|n| before * shared + n).filter(|_| count > 1);
            let all = around.chain(own.chain(of_neighbour).map(|peer| PEERS + peer));
            let since = now - 500_000.0 - f64::from(number);
            let manner = plan.manners.iter().rev().find(|(of, _)| u32::from(*of) == number);
            Node {
                id: id(number),
                since,
                manner: manner.map(|(_, manner)| *manner).unwrap_or_default(),
                connected: all.map(|other| (other, since + 1.0 + f64::from(other % 100))).collect(),
            }
        });
        Self { nodes: nodes.collect(), height: 4_125_507, latest: whole(now) - 10, jitter: plan.jitter, port: 0 }
    }

    /// A node restarts: its age and that of all its connections begins anew, on both sides.
    pub(super) fn restart(&mut self, number: u16, now: f64) {
        let restarted = u32::from(number);
        for (other, node) in (0_u32..).zip(&mut self.nodes) {
            if other == restarted {
                node.since = now;
            }
            for (peer, since) in &mut node.connected {
                if other == restarted || *peer == restarted {
                    *since = now;
                }
            }
        }
    }

    /// A new block.
    pub(super) fn advance(&mut self, now: f64) {
        self.height += 1;
        self.latest = whole(now);
    }
}

/// The id of a node or a peer.
pub(super) fn id(number: u32) -> String {
    let hash = Sha256::digest(format!("devnet {number}"));
    hash.iter().fold(String::with_capacity(64), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The hash of a block.
pub(super) fn block(height: u64) -> String {
    let hash = Sha256::digest(height.to_be_bytes());
    hash.iter().skip(8).fold("0".repeat(16), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The address of a node: loopback, one each.
pub(super) fn address(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(127, 64 + high, low, 1)
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
fn whole(time: f64) -> i64 {
    time as i64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn world(nodes: u16, connections: u16) -> World {
        let plan = Plan { nodes, connections, port: 0, jitter: Duration::ZERO, manners: vec![(0, Manner::Hung)] };
        World::new(&plan, 2e9)
    }

    #[test]
    fn every_peer_has_two_reporters() {
        for (nodes, connections) in [(1, 8), (2, 8), (5, 50), (500, 50), (3, 0)] {
            let world = world(nodes, connections);
            let mut reporters: BTreeMap<u32, u32> = BTreeMap::new();
            for node in &world.nodes {
                let mut all: Vec<u32> = node.connected.iter().map(|(other, _)| *other).collect();
                for other in &all {
                    *reporters.entry(*other).or_default() += 1;
                }
                all.sort_unstable();
                all.dedup();
                assert_eq!(all.len(), node.connected.len());
                assert!(nodes == 1 || all.len() == usize::from(connections), "{} of {connections}", all.len());
            }
            assert!(nodes < 2 || reporters.values().all(|count| *count >= 2 || connections % 4 != 0 && *count >= 1));
            assert_eq!(world.nodes[0].manner, Manner::Hung);
        }
    }

    #[test]
    fn a_restart_is_seen_on_both_sides() {
        let mut world = world(3, 8);
        world.restart(1, 2e9 + 5.0);
        let since = |of: usize, to: u32| world.nodes[of].connected.iter().find(|(other, _)| *other == to).unwrap().1;
        assert!((world.nodes[1].since - 2e9 - 5.0).abs() < 1e-6);
        assert!((since(0, 1) - 2e9 - 5.0).abs() < 1e-6 && (since(1, 2) - 2e9 - 5.0).abs() < 1e-6);
        assert!(since(0, 2) < 2e9);
    }
}
