//! The packet filter of Lighthouse's discv5: quotas on unsolicited packets, and bans of an hour for who exceeds them.
//!
//! What it counts, and in which order, is as there, oddities included: a packet over the quota of an address or of a
//! node id bans it, one over the total is only dropped. Here every node has its own, as every real one does.

use std::{net::IpAddr, time::Duration};

use crate::discv5::NodeId;

/// Packets a second, and the largest burst.
const PER_NODE: u32 = 8;
const PER_IP: u32 = 9;
const IN_ALL: u32 = 10;
/// So many node ids at one address get it banned.
const IDS_PER_IP: usize = 10;
/// After the first banned node id of an address, so many more get it banned.
const BANS_PER_IP: usize = 5;
/// How long a ban lasts.
const BAN: Duration = Duration::from_hours(1);
/// Over how long a quota is filled again.
const REFILL: Duration = Duration::from_secs(1);
/// The most addresses, and node ids, that one node remembers; it forgets the oldest first.
const REMEMBERED: usize = 500;

/// Who is banned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Banned {
    /// An address.
    Ip(IpAddr),
    /// A node id.
    Node(NodeId),
}

/// What happens to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// Too many in all: dropped.
    Busy,
    /// Its sender is banned from now on.
    Ban(Banned),
    /// Its sender was banned before.
    Ignored,
}

/// What one node remembers of those who ask it. Times are since the start of the network.
#[derive(Debug, Default)]
pub(super) struct Memory {
    total: Option<Duration>,
    ips: Vec<(IpAddr, Duration)>,
    nodes: Vec<(NodeId, Duration)>,
    ids: Vec<(IpAddr, Vec<NodeId>)>,
    bans: Vec<(IpAddr, usize)>,
    banned_ips: Vec<(IpAddr, Duration)>,
    banned_nodes: Vec<(NodeId, Duration)>,
}

impl Memory {
    /// Whether a datagram from this address is read at all.
    pub(super) fn before_reading(&mut self, now: Duration, ip: IpAddr) -> Verdict {
        if is_banned(&mut self.banned_ips, now, &ip) {
            return Verdict::Ignored;
        }
        if !takes(&mut self.ips, now, ip, PER_IP) {
            remember(&mut self.banned_ips, ip, now + BAN);
            return Verdict::Ban(Banned::Ip(ip));
        }
        if take(self.total.get_or_insert(now), now, IN_ALL) { Verdict::Pass } else { Verdict::Busy }
    }

    /// Whether a packet that says it is from this node is looked at.
    pub(super) fn after_reading(&mut self, now: Duration, ip: IpAddr, id: NodeId) -> Verdict {
        if is_banned(&mut self.banned_nodes, now, &id) {
            return Verdict::Ignored;
        }
        if !takes(&mut self.nodes, now, id, PER_NODE) {
            remember(&mut self.banned_nodes, id, now + BAN);
            if let Some((_, more)) = self.bans.iter_mut().find(|(known, _)| *known == ip) {
                *more += 1;
                if *more >= BANS_PER_IP {
                    remember(&mut self.banned_ips, ip, now + BAN);
                }
            } else {
                remember(&mut self.bans, ip, 0);
            }
            return Verdict::Ban(Banned::Node(id));
        }
        if !self.ids.iter().any(|(known, _)| *known == ip) {
            remember(&mut self.ids, ip, Vec::new());
        }
        if let Some((_, ids)) = self.ids.iter_mut().find(|(known, _)| *known == ip) {
            if !ids.contains(&id) {
                ids.push(id);
            }
            if ids.len() >= IDS_PER_IP {
                self.ids.retain(|(known, _)| *known != ip);
                remember(&mut self.banned_ips, ip, now + BAN);
                return Verdict::Ban(Banned::Ip(ip));
            }
        }
        Verdict::Pass
    }
}

/// One packet of a quota of so many a second: `full` is when the quota will be full again.
fn take(full: &mut Duration, now: Duration, quota: u32) -> bool {
    let one = REFILL / quota;
    if now < (*full + one).saturating_sub(REFILL) {
        return false;
    }
    *full = (*full).max(now) + one;
    true
}

fn takes<K: PartialEq>(known: &mut Vec<(K, Duration)>, now: Duration, key: K, quota: u32) -> bool {
    if let Some((_, full)) = known.iter_mut().find(|(other, _)| *other == key) {
        return take(full, now, quota);
    }
    // Whose quota is full is as good as unknown.
    known.retain(|(_, full)| *full > now);
    let mut full = now;
    let taken = take(&mut full, now, quota);
    remember(known, key, full);
    taken
}

fn is_banned<K: PartialEq>(banned: &mut Vec<(K, Duration)>, now: Duration, key: &K) -> bool {
    banned.retain(|(_, until)| *until > now);
    banned.iter().any(|(other, _)| other == key)
}

fn remember<K, V>(known: &mut Vec<(K, V)>, key: K, value: V) {
    if known.len() >= REMEMBERED {
        known.remove(0);
    }
    known.push((key, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn id(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    /// Packets of these nodes in turn, so far apart: how many pass before one does not, and what happens to that one.
    fn until(memory: &mut Memory, nodes: &[NodeId], apart: Duration) -> (usize, Verdict) {
        let mut now = Duration::from_secs(5);
        for (passed, node) in nodes.iter().cycle().take(1000).enumerate() {
            let mut verdict = memory.before_reading(now, IP);
            if verdict == Verdict::Pass {
                verdict = memory.after_reading(now, IP, *node);
            }
            if verdict != Verdict::Pass {
                return (passed, verdict);
            }
            now += apart;
        }
        (1000, Verdict::Pass)
    }

    #[test]
    fn who_asks_too_fast_is_banned_for_an_hour() {
        let ms = Duration::from_millis;
        let table = [
            // Eight of one node id at once; twelve when they are 50 ms apart, the first of which asks for a handshake.
            (vec![id(1)], ms(0), (8, Verdict::Ban(Banned::Node(id(1))))),
            (vec![id(1)], ms(50), (12, Verdict::Ban(Banned::Node(id(1))))),
            (vec![id(1)], ms(125), (1000, Verdict::Pass)),
            // Nine of one address, whoever says to be there.
            (vec![id(1), id(2)], ms(0), (9, Verdict::Ban(Banned::Ip(IP)))),
            (vec![id(1), id(2)], ms(112), (1000, Verdict::Pass)),
            // Too many identities, however slowly.
            ((1..=10).map(id).collect(), ms(200), (9, Verdict::Ban(Banned::Ip(IP)))),
            ((1..=9).map(id).collect(), ms(200), (1000, Verdict::Pass)),
        ];
        for (nodes, apart, expected) in table {
            assert_eq!(until(&mut Memory::default(), &nodes, apart), expected, "{} ids, {apart:?}", nodes.len());
        }
    }

    #[test]
    fn a_ban_ends_after_an_hour() {
        let mut memory = Memory::default();
        until(&mut memory, &[id(1)], Duration::ZERO);
        let start = Duration::from_secs(5);
        for (after, verdict) in [(1, Verdict::Ignored), (3599, Verdict::Ignored), (3600, Verdict::Pass)] {
            let now = start + Duration::from_secs(after);
            assert_eq!(memory.before_reading(now, IP), Verdict::Pass);
            assert_eq!(memory.after_reading(now, IP, id(1)), verdict, "{after} s");
        }
        until(&mut memory, &[id(2), id(3)], Duration::ZERO);
        assert_eq!(memory.before_reading(start, IP), Verdict::Ignored);
    }

    #[test]
    fn over_the_total_packets_are_dropped_and_nobody_is_banned() {
        let mut memory = Memory::default();
        let ip = |host| IpAddr::from([127, 0, 0, host]);
        let verdicts: Vec<Verdict> = (0..12).map(|host| memory.before_reading(Duration::ZERO, ip(host))).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Pass).count(), 10);
        assert_eq!(verdicts[10..], [Verdict::Busy, Verdict::Busy]);
        assert_eq!(memory.before_reading(Duration::from_secs(1), ip(11)), Verdict::Pass);
    }

    #[test]
    fn many_banned_ids_ban_their_address() {
        let mut memory = Memory::default();
        let now = Duration::from_secs(1);
        for number in 1..=6 {
            for _ in 0..8 {
                assert_eq!(memory.after_reading(now, IP, id(number)), Verdict::Pass);
            }
            assert_eq!(memory.before_reading(now, IP), Verdict::Pass, "{number}");
            assert_eq!(memory.after_reading(now, IP, id(number)), Verdict::Ban(Banned::Node(id(number))));
        }
        assert_eq!(memory.before_reading(now, IP), Verdict::Ignored);
    }
}
