//! What happens to datagrams on their way: some are lost, all are late, some overtake others.

use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::{network::Datagram, plan::Plan};

/// The most datagrams on their way.
const MOST: usize = 1 << 18;

/// The way to the network and back. Times are since its start.
#[derive(Debug)]
pub(super) struct Weather {
    loss: f64,
    rtt: Duration,
    jitter: Duration,
    dice: SmallRng,
    waiting: BinaryHeap<Waiting>,
    sent: u64,
}

/// What became of a datagram that a node sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes at once.
    Sent(Datagram),
    Late,
    Lost,
    /// Too many are on their way.
    Overflowed,
}

#[derive(Debug)]
struct Waiting {
    due: Duration,
    number: u64,
    datagram: Datagram,
}

impl Weather {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            loss: plan.loss,
            rtt: plan.rtt,
            jitter: plan.jitter,
            dice: SmallRng::seed_from_u64(plan.seed),
            waiting: BinaryHeap::new(),
            sent: 0,
        }
    }

    /// Whether a datagram to the network arrives.
    pub(super) fn arrives(&mut self) -> bool {
        !self.loses()
    }

    /// Takes a datagram from the network. The way there costs no time, the way back all of it.
    pub(super) fn depart(&mut self, now: Duration, datagram: Datagram) -> Fate {
        if self.loses() {
            return Fate::Lost;
        }
        if self.rtt + self.jitter == Duration::ZERO {
            return Fate::Sent(datagram);
        }
        if self.waiting.len() >= MOST {
            return Fate::Overflowed;
        }
        let due = now + self.rtt + self.dice.random_range(Duration::ZERO..=self.jitter);
        self.sent += 1;
        self.waiting.push(Waiting { due, number: self.sent, datagram });
        Fate::Late
    }

    /// A datagram whose time has come.
    pub(super) fn due(&mut self, now: Duration) -> Option<Datagram> {
        (self.next()? <= now).then(|| self.waiting.pop())?.map(|waiting| waiting.datagram)
    }

    /// When the next datagram is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.waiting.peek().map(|waiting| waiting.due)
    }

    fn loses(&mut self) -> bool {
        self.loss > 0.0 && self.dice.random_bool(self.loss)
    }
}

impl Ord for Waiting {
    /// The greatest is the first to go.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(number: u32) -> Datagram {
        let from = std::net::Ipv4Addr::LOCALHOST;
        Datagram { to: (from, 1).into(), from, bytes: number.to_be_bytes().to_vec() }
    }

    #[test]
    fn clear_weather_changes_nothing() {
        let mut weather = Weather::new(&Plan::clean(1, 0));
        assert!((0..1000).all(|_| weather.arrives()));
        assert_eq!(weather.depart(Duration::ZERO, datagram(1)), Fate::Sent(datagram(1)));
        assert_eq!(weather.next(), None);
    }

    #[test]
    fn datagrams_come_late_and_in_another_order_but_all_of_them() {
        let (rtt, jitter) = (Duration::from_millis(5), Duration::from_millis(3));
        let mut weather = Weather::new(&Plan { rtt, jitter, ..Plan::clean(1, 7) });
        for number in 0..100 {
            assert_eq!(weather.depart(Duration::ZERO, datagram(number)), Fate::Late);
        }
        assert_eq!(weather.due(Duration::from_micros(4999)), None);
        assert!(weather.next().is_some_and(|next| (rtt..rtt + jitter).contains(&next)));
        let mut came: Vec<Datagram> = std::iter::from_fn(|| weather.due(rtt + jitter)).collect();
        let in_order: Vec<Datagram> = (0..100).map(datagram).collect();
        assert_ne!(came, in_order);
        came.sort_by_key(|datagram| datagram.bytes.clone());
        assert_eq!(came, in_order);
    }

    #[test]
    fn without_jitter_the_order_stays() {
        let mut weather = Weather::new(&Plan { rtt: Duration::from_millis(5), ..Plan::clean(1, 7) });
        (0..100).for_each(|number| assert_eq!(weather.depart(Duration::ZERO, datagram(number)), Fate::Late));
        let came: Vec<Datagram> = std::iter::from_fn(|| weather.due(Duration::from_millis(5))).collect();
        assert_eq!(came, (0..100).map(datagram).collect::<Vec<_>>());
    }

    #[test]
    fn as_much_is_lost_as_was_said() {
        let mut weather = Weather::new(&Plan { loss: 0.1, ..Plan::clean(1, 7) });
        let arrived = (0..10_000).filter(|_| weather.arrives()).count();
        assert!((8800..9200).contains(&arrived), "{arrived}");
        let lost = (0..10_000).filter(|_| weather.depart(Duration::ZERO, datagram(0)) == Fate::Lost).count();
        assert!((800..1200).contains(&lost), "{lost}");
    }
}
