//! Networks as they were read a moment ago, for everybody who asks: reading one costs, and many ask at once.
//!
//! In: stores. Out: [`Reading`]s that say of when they are. Invariants: at most [`NETWORKS`] are kept, none longer than
//! [`IDLE`] after it was last asked for; one at a time reads a network, and the others wait for that; reading takes at
//! most a tenth of the time, so that of a larger network the readings are a little older instead.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, sleep},
};

use super::{
    stats::Stats,
    store::{NetworkName, Store},
    view::{Graph, View},
};
use crate::broker::BrokerError;

/// Networks that are kept.
const NETWORKS: usize = 4;
/// How long one is kept that nobody asks for.
const IDLE: Duration = Duration::from_mins(5);
/// How old a view may be.
const VIEW: Duration = Duration::from_secs(2);
/// How old a graph may be.
const GRAPH: Duration = Duration::from_mins(1);
/// Of how many parts of the time one goes into reading, at most.
const SHARE: u32 = 10;

/// All networks that were asked for lately. Cheap to clone.
#[derive(Clone, Default)]
pub struct Library(Arc<Mutex<BTreeMap<NetworkName, Arc<Shelf>>>>);

/// Something as it was at one time. Cheap to clone.
#[derive(Debug)]
pub struct Reading<T> {
    /// When its reading began.
    pub as_of: Timestamp,
    /// It.
    pub value: Arc<T>,
}

impl<T> Clone for Reading<T> {
    fn clone(&self) -> Self {
        Self { as_of: self.as_of, value: self.value.clone() }
    }
}

/// Why there is no reading.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// Redis did not give it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A fault of ours: whoever read it panicked.
    #[error("the reading of a network broke off")]
    Broken(#[from] tokio::task::JoinError),
}

/// What is kept of one network.
struct Shelf {
    store: Store,
    view: Slot<View>,
    graph: Slot<Graph>,
    stats: Slot<Stats>,
    used: Mutex<Instant>,
}

/// The newest reading of one thing. Who reads it holds the lock.
struct Slot<T>(AsyncMutex<Option<Held<T>>>);

struct Held<T> {
    reading: Reading<T>,
    at: Instant,
    took: Duration,
}

impl<T> Held<T> {
    /// How long it is good for: what took long is kept longer.
    fn lasts(&self, age: Duration) -> Duration {
        age.max(self.took * SHARE)
    }
}

impl<T> Slot<T> {
    const fn empty() -> Self {
        Self(AsyncMutex::const_new(None))
    }

    /// The reading there is, unless it is older than `age`; then a new one.
    async fn get(
        &self,
        age: Duration,
        read: impl Future<Output = Result<T, ReadingError>>,
    ) -> Result<Reading<T>, ReadingError> {
        let mut held = self.0.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.at.elapsed() <= held.lasts(age)) {
            return Ok(held.reading.clone());
        }
        let (as_of, start) = (Timestamp::now(), Instant::now());
        let reading = Reading { as_of, value: Arc::new(read.await?) };
        *held = Some(Held { reading: reading.clone(), at: Instant::now(), took: start.elapsed() });
        Ok(reading)
    }
}

impl Library {
    /// A network's nodes, at most two seconds old.
    pub async fn view(&self, name: &NetworkName, store: &Store) -> Result<Reading<View>, ReadingError> {
        let kept = self.shelf(name, store);
        // Goes on if who asked leaves: the next one finds it.
        tokio::spawn(async move { kept.view().await }).await?
    }

    /// Who told of whom, at most a minute old.
    pub async fn graph(&self, name: &NetworkName, store: &Store) -> Result<Reading<Graph>, ReadingError> {
        let kept = self.shelf(name, store);
        tokio::spawn(async move { kept.graph().await }).await?
    }

    /// A network's statistics: its nodes at most two seconds old, who told of whom at most a minute.
    pub async fn stats(&self, name: &NetworkName, store: &Store) -> Result<Reading<Stats>, ReadingError> {
        let kept = self.shelf(name, store);
        tokio::spawn(async move { kept.stats().await }).await?
    }

    fn shelf(&self, name: &NetworkName, store: &Store) -> Arc<Shelf> {
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = shelves.get(name) {
            shelf.touch();
            return shelf.clone();
        }
        while shelves.len() >= NETWORKS {
            let oldest = shelves.iter().min_by_key(|(_, shelf)| shelf.used()).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { break };
            shelves.remove(&oldest);
        }
        let new = Arc::new(Shelf::new(store.clone()));
        shelves.insert(name.clone(), new.clone());
        tokio::spawn(forget_if_idle(Arc::downgrade(&self.0), name.clone(), Arc::downgrade(&new)));
        new
    }
}

/// Waits until nobody has asked for a network for a while.
async fn forget_if_idle(
    shelves: Weak<Mutex<BTreeMap<NetworkName, Arc<Shelf>>>>,
    name: NetworkName,
    shelf: Weak<Shelf>,
) {
    loop {
        sleep(IDLE).await;
        let (Some(shelves), Some(shelf)) = (shelves.upgrade(), shelf.upgrade()) else { return };
        if shelf.used().elapsed() < IDLE {
            continue;
        }
        let mut shelves = shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.get(&name).is_some_and(|there| Arc::ptr_eq(there, &shelf)) {
            shelves.remove(&name);
        }
        return;
    }
}

impl Shelf {
    fn new(store: Store) -> Self {
        let (view, graph, stats) = (Slot::empty(), Slot::empty(), Slot::empty());
        Self { store, view, graph, stats, used: Mutex::new(Instant::now()) }
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    async fn view(&self) -> Result<Reading<View>, ReadingError> {
        self.view.get(VIEW, async { Ok(View::load(&self.store).await?) }).await
    }

    async fn graph(&self) -> Result<Reading<Graph>, ReadingError> {
        self.graph.get(GRAPH, async { Ok(Graph::load(&self.store).await?) }).await
    }

    async fn stats(&self) -> Result<Reading<Stats>, ReadingError> {
        let add_up = async {
            let (view, graph) = (self.view().await?.value, self.graph().await?.value);
            Ok(tokio::task::spawn_blocking(move || Stats::of(&view, &graph)).await?)
        };
        self.stats.get(VIEW, add_up).await
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn one_reads_and_the_others_wait_for_that() {
        let (slot, reads) = (Slot::<u32>::empty(), AtomicU32::new(0));
        let read = || async {
            yield_now().await;
            Ok(reads.fetch_add(1, Ordering::Relaxed))
        };
        let (a, b) = tokio::join!(slot.get(VIEW, read()), slot.get(VIEW, read()));
        assert_eq!((*a.expect("it").value, *b.expect("it").value), (0, 0));
        // Too old as soon as it is there, unless reading it took long.
        slot.0.lock().await.as_mut().expect("it").took = Duration::ZERO;
        assert_eq!(*slot.get(Duration::ZERO, read()).await.expect("it").value, 1);
        slot.0.lock().await.as_mut().expect("it").took = Duration::from_mins(1);
        assert_eq!(*slot.get(Duration::ZERO, read()).await.expect("it").value, 1);
    }

    #[test]
    fn what_took_long_is_kept_longer() {
        let lasts = |took| {
            let reading = Reading { as_of: Timestamp::UNIX_EPOCH, value: Arc::new(()) };
            Held { reading, at: Instant::now(), took: Duration::from_millis(took) }.lasts(VIEW).as_millis()
        };
        assert_eq!((lasts(0), lasts(200), lasts(201), lasts(1500)), (2000, 2000, 2010, 15000));
    }

    #[tokio::test]
    async fn an_error_is_not_kept() {
        let slot = Slot::<u32>::empty();
        let failed = || ReadingError::Broker(BrokerError::Unavailable { reason: "away".into(), source: None });
        assert!(slot.get(VIEW, async { Err(failed()) }).await.is_err());
        assert_eq!(*slot.get(VIEW, async { Ok(1) }).await.expect("it").value, 1);
    }
}
