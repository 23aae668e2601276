//! How fast packets may go to one peer and to one address: clients ban for an hour who asks faster.
//!
//! Pure: who books a packet passes the time in and is told when to send it. Kept is one instant a key, the time at
//! which its bucket is full again; who is not in the map has a full bucket.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use super::node_id::NodeId;

/// Below this many keys no sweep is worth it.
const SWEEP: usize = 1024;

/// A token bucket's size and refill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Tokens a second.
    pub rate: NonZeroU32,
    /// Tokens of a full bucket.
    pub burst: NonZeroU32,
}

impl Pace {
    /// Lighthouse allows 8 a second from one peer, with a burst of 8, and bans beyond; one less leaves room for packets
    /// that the network delays.
    pub const POLITE: Self = {
        let Some(seven) = NonZeroU32::new(7) else { panic!("seven is not zero") };
        Self { rate: seven, burst: seven }
    };

    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.rate.get()
    }

    /// How long an empty bucket takes to be full but for one token.
    fn tolerance(self) -> Duration {
        self.interval() * (self.burst.get() - 1)
    }
}

/// The buckets of every peer and of every address.
#[derive(Debug)]
pub struct Pacing {
    peers: Buckets<NodeId>,
    ips: Option<Buckets<IpAddr>>,
}

impl Pacing {
    /// Every peer has this pace, and every address its own; `None` does not limit addresses.
    pub fn new(peer: Pace, ip: Option<Pace>) -> Self {
        Self { peers: Buckets::new(peer), ips: ip.map(Buckets::new) }
    }

    /// Books one packet; it may be sent at the returned time and not before.
    pub fn book(&mut self, now: Instant, peer: NodeId, ip: IpAddr) -> Instant {
        let mut at = self.peers.earliest(now, &peer);
        if let Some(ips) = &mut self.ips {
            at = at.max(ips.earliest(now, &ip));
            ips.book(now, at, ip);
        }
        self.peers.book(now, at, peer);
        at
    }
}

/// One bucket a key.
#[derive(Debug)]
pub struct Buckets<K> {
    pace: Pace,
    full_at: HashMap<K, Instant>,
    sweep_at: usize,
}

impl<K: Eq + Hash> Buckets<K> {
    /// All full.
    pub fn new(pace: Pace) -> Self {
        Self { pace, full_at: HashMap::new(), sweep_at: SWEEP }
    }

    /// Takes a token if there is one now.
    pub fn take(&mut self, now: Instant, key: K) -> bool {
        let there = self.earliest(now, &key) <= now;
        if there {
            self.book(now, now, key);
        }
        there
    }

    fn earliest(&self, now: Instant, key: &K) -> Instant {
        let full_at = self.full_at.get(key).copied().unwrap_or(now);
        full_at.checked_sub(self.pace.tolerance()).map_or(now, |at| at.max(now))
    }

    fn book(&mut self, now: Instant, at: Instant, key: K) {
        if self.full_at.len() >= self.sweep_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.sweep_at = SWEEP.max(self.full_at.len() * 2);
        }
        let full_at = self.full_at.entry(key).or_insert(at);
        *full_at = at.max(*full_at) + self.pace.interval();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn pace(rate: u32, burst: u32) -> Pace {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        Pace { rate: number(rate), burst: number(burst) }
    }

    /// When the packets of one peer would go that are all booked at once, in milliseconds.
    fn booked(pacing: &mut Pacing, now: Instant, peer: u8, count: usize) -> Vec<u128> {
        (0..count).map(|_| (pacing.book(now, NodeId([peer; 32]), IP) - now).as_millis()).collect()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut pacing = Pacing::new(pace(10, 3), None);
        assert_eq!(booked(&mut pacing, start, 1, 6), [0, 0, 0, 100, 200, 300]);
        assert_eq!(booked(&mut pacing, start, 2, 1), [0], "another peer has its own bucket");
        let later = start + Duration::from_millis(450);
        assert_eq!(booked(&mut pacing, later, 1, 3), [0, 50, 150]);
        let full = start + Duration::from_secs(60);
        assert_eq!(booked(&mut pacing, full, 1, 4), [0, 0, 0, 100], "a bucket is never more than full");
    }

    #[test]
    fn peers_of_one_address_share_its_pace() {
        let start = Instant::now();
        let mut pacing = Pacing::new(pace(10, 3), Some(pace(10, 4)));
        assert_eq!(booked(&mut pacing, start, 1, 3), [0, 0, 0]);
        assert_eq!(booked(&mut pacing, start, 2, 3), [0, 100, 200]);
        let other = pacing.book(start, NodeId([3; 32]), IpAddr::V4([127, 0, 0, 2].into()));
        assert_eq!(other, start, "another address has its own bucket");
    }

    /// The limiter of the `discv5` crate with Lighthouse's 8 a second, against which ours must stay below.
    #[test]
    fn the_polite_pace_passes_a_limit_of_eight_a_second_even_when_packets_are_late() {
        let start = Instant::now();
        let mut theirs = Buckets::new(pace(8, 8));
        let mut ours = Pacing::new(Pace::POLITE, Some(Pace::POLITE));
        let mut now = start;
        for packet in 0..2000_u64 {
            // Pauses of all lengths, and every third packet late by up to 120 ms.
            now = ours.book(now, NodeId([1; 32]), IP)
                + Duration::from_millis((packet * 37) % 90 * u64::from(packet % 5 == 0));
            let late = Duration::from_millis((packet * 53) % 120 * u64::from(packet % 3 == 0));
            assert!(theirs.take(now + late, IP), "packet {packet} after {:?}", now - start);
        }
    }

    #[test]
    fn full_buckets_are_swept() {
        let start = Instant::now();
        let mut buckets = Buckets::new(pace(10, 3));
        for key in 0..10_000_u32 {
            assert!(buckets.take(start + Duration::from_millis(u64::from(key)), key));
        }
        assert!(buckets.full_at.len() <= SWEEP, "{}", buckets.full_at.len());
    }
}
