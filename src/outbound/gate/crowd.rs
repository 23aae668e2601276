//! How many calls of one endpoint this process has under way: hosts that keep silent may not hold all of its slots.
//!
//! In: before each call its endpoint, after it whether that was well. Out: a seat, or how long to wait for one. An endpoint
//! that has answered may have many calls at once; one of which that is not known, or not any more, few.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Endpoint, Health};
use crate::config;

/// How long who finds no seat waits: as long as the endpoint has kept silent, within these.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// All calls of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::outbound) struct Crowd {
    calls: Arc<Mutex<HashMap<Endpoint, Calls>>>,
    /// Calls of an endpoint that has answered, and of another, at most.
    most: (u32, u32),
    /// Endpoints that are remembered, besides those with calls under way.
    max_endpoints: usize,
}

/// Those of one endpoint.
#[derive(Debug)]
struct Calls {
    under_way: u32,
    /// Whether the last one that ended was answered.
    is_well: bool,
    /// When it was heard of last, or called first.
    heard: Instant,
}

/// A place for one call; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    crowd: Crowd,
    endpoint: Endpoint,
    health: Health,
}

impl Crowd {
    pub(in crate::outbound) fn new(network: &config::Network) -> Self {
        Self {
            calls: Arc::default(),
            most: (network.max_calls, network.max_calls_unproven),
            max_endpoints: usize::try_from(network.breaker.max_endpoints).unwrap_or(usize::MAX),
        }
    }

    /// A place for one call, or how long to wait before there may be one.
    pub(super) fn enter(&self, endpoint: &Endpoint, now: Instant) -> Result<Seat, Duration> {
        let mut all = self.calls();
        if all.len() >= self.max_endpoints && !all.contains_key(endpoint) {
            all.retain(|_, calls| calls.under_way > 0);
        }
        let calls = all.entry(endpoint.clone()).or_insert_with(|| Calls { under_way: 0, is_well: false, heard: now });
        let most = if calls.is_well { self.most.0 } else { self.most.1 };
        if calls.under_way >= most {
            return Err(now.saturating_duration_since(calls.heard).clamp(WAIT.0, WAIT.1));
        }
        if calls.under_way == 0 {
            calls.heard = now;
        }
        calls.under_way += 1;
        Ok(Seat { crowd: self.clone(), endpoint: endpoint.clone(), health: Health::Unknown })
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<Endpoint, Calls>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Gives it back and says how the call ended.
    pub(super) fn leave(mut self, health: Health) {
        self.health = health;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.crowd.calls();
        let Some(calls) = all.get_mut(&self.endpoint) else { return };
        calls.under_way = calls.under_way.saturating_sub(1);
        match self.health {
            // Who is busy is not silent.
            Health::Well | Health::Busy(_) => (calls.is_well, calls.heard) = (true, Instant::now()),
            Health::Unwell => calls.is_well = false,
            Health::Unknown => {}
        }
        // Of who has nothing under way only that it answers is worth a memory.
        if calls.under_way == 0 && !calls.is_well {
            all.remove(&self.endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd() -> Crowd {
        let mut network = config::defaults().unwrap().network;
        (network.max_calls, network.max_calls_unproven, network.breaker.max_endpoints) = (5, 2, 3);
        Crowd::new(&network)
    }

    fn endpoint(name: &str) -> Endpoint {
        Endpoint::of(&format!("http://{name}/").parse().unwrap())
    }

    #[test]
    fn who_keeps_silent_gets_few_calls_and_who_answers_many() {
        let (crowd, now, host) = (crowd(), Instant::now(), endpoint("a"));
        let mut seats: Vec<Seat> = (0..2).map(|_| crowd.enter(&host, now).unwrap()).collect();
        assert_eq!(crowd.enter(&host, now).unwrap_err(), WAIT.0);
        crowd.enter(&endpoint("b"), now).unwrap();
        seats.pop().unwrap().leave(Health::Well);
        seats.extend((0..4).map(|_| crowd.enter(&host, now).unwrap()));
        assert_eq!(seats.len(), 5);
        crowd.enter(&host, now).unwrap_err();
        seats.pop().unwrap().leave(Health::Unwell);
        crowd.enter(&host, now).unwrap_err();
        seats.truncate(1);
        crowd.enter(&host, now).unwrap();
    }

    #[test]
    fn the_longer_the_silence_the_longer_the_wait() {
        let (crowd, now, host) = (crowd(), Instant::now(), endpoint("a"));
        let _seats = [crowd.enter(&host, now).unwrap(), crowd.enter(&host, now).unwrap()];
        for (silent, wait) in [(0, WAIT.0), (700, Duration::from_millis(700)), (60_000, WAIT.1)] {
            assert_eq!(crowd.enter(&host, now + Duration::from_millis(silent)).unwrap_err(), wait);
        }
    }

    #[test]
    fn a_call_that_is_dropped_gives_its_place_back() {
        let (crowd, now, host) = (crowd(), Instant::now(), endpoint("a"));
        for _ in 0..10 {
            drop(crowd.enter(&host, now).unwrap());
        }
        assert!(crowd.calls().is_empty(), "nothing is kept of who was not heard of");
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (crowd, now) = (crowd(), Instant::now());
        let seat = crowd.enter(&endpoint("stays"), now).unwrap();
        for host in 0..100 {
            crowd.enter(&endpoint(&format!("h{host}")), now).unwrap().leave(Health::Well);
            assert!(crowd.calls().len() <= 3);
        }
        drop(seat);
    }
}
