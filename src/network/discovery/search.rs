//! The search as a job does it: hears of hosts, tries one now and then, remembers in Redis.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior, interval},
};

use super::{
    Rules,
    book::{Book, Candidate, Tried},
    place,
    probe::{Probe, Probed, probe},
};
use crate::{
    broker::BrokerError,
    network::{ask::Terms, plan::Target, status::Hint, store::Store},
    outbound::Client,
};

/// Hosts that are tried at the same time.
const AT_ONCE: usize = 4;
/// How long one try of one template may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often seeds are looked up, and old hosts forgotten.
const SEEDS: Duration = Duration::from_hours(1);
/// Characters of a reason that are kept.
const MAX_REASON: usize = 500;

/// A search under way.
pub(in crate::network) struct Search {
    rules: Rules,
    http: Client,
    store: Store,
    book: Book,
    ticks: Interval,
    probes: JoinSet<Probed>,
    /// When the seeds were looked up.
    seeded: Option<Instant>,
    /// How a node that is found is asked.
    sample: Target,
    max_body: u64,
    found: usize,
}

/// What of the nodes that are polled matters to the search.
pub(in crate::network) struct Ours<'a> {
    /// Their hosts.
    pub(in crate::network) hosts: &'a BTreeSet<String>,
    /// Their ids.
    pub(in crate::network) ids: &'a BTreeSet<String>,
    /// The network they are in.
    pub(in crate::network) network: Option<String>,
}

impl Search {
    /// Goes on where the last search was.
    pub(in crate::network) async fn begin(
        rules: Rules,
        http: Client,
        store: Store,
        sample: Target,
        max_body: u64,
    ) -> Result<Self, BrokerError> {
        let book = Book::of(store.candidates().await?);
        let mut ticks = interval(Duration::from_mins(1) / rules.probes_per_min.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (probes, found) = (JoinSet::new(), 0);
        Ok(Self { rules, http, store, book, ticks, probes, seeded: None, sample, max_body, found })
    }

    /// A polled node told of its peers.
    pub(in crate::network) fn hear(&mut self, hints: &[Hint], now: u64) {
        for place in hints.iter().filter_map(place::read) {
            self.book.hear(&place.host, Some(&place.id), now);
        }
    }

    /// Waits until it is time for a try, or one has ended.
    pub(in crate::network) async fn next(&mut self) -> Step {
        tokio::select! {
            Some(probed) = self.probes.join_next(), if !self.probes.is_empty() => {
                probed.map_or(Step::Try, Step::Ended)
            }
            _ = self.ticks.tick() => Step::Try,
        }
    }

    /// Tries the host that is due, if there is one.
    pub(in crate::network) async fn try_next(&mut self, ours: &Ours<'_>, now: u64) -> Result<(), BrokerError> {
        self.seed(now).await?;
        let (Some(network), true) = (&ours.network, self.found < self.rules.max_nodes) else { return Ok(()) };
        if self.probes.len() >= AT_ONCE {
            return Ok(());
        }
        let is_wanted = |host: &str, candidate: &Candidate| {
            !ours.hosts.contains(host) && !candidate.ids.iter().any(|id| ours.ids.contains(id))
        };
        let Some((host, candidate)) = self.book.due(now, is_wanted) else { return Ok(()) };
        let terms = Terms { timeout: PATIENCE, max_body: self.max_body, network: Some(network.clone()) };
        let (host, ids) = (host.to_owned(), candidate.ids.clone());
        let next = Probe { host, ids, templates: self.rules.templates.clone(), terms, sample: self.sample.clone() };
        // Until it has ended, and for longer if it never does, it is not due.
        self.book.failed(&next.host, "not answered yet".into(), now);
        self.probes.spawn(probe(self.http.clone(), next));
        Ok(())
    }

    /// Remembers what came of a try; the node, if it is one.
    pub(in crate::network) async fn note(
        &mut self,
        probed: Probed,
        now: u64,
    ) -> (Option<Target>, Result<(), BrokerError>) {
        let Probed { host, found } = probed;
        let target = match found {
            Ok(target) => {
                self.book.succeeded(&host, target.url.to_string(), now);
                self.found += 1;
                Some(target)
            }
            Err(reason) => {
                self.book.refused(&host, reason.chars().take(MAX_REASON).collect());
                None
            }
        };
        let candidate = self.book.get(&host).cloned();
        let some = BTreeMap::from_iter(candidate.map(|candidate| (host, candidate)));
        (target, self.store.put_candidates(&some, &[]).await)
    }

    /// Looks the seeds up, and forgets what nobody tells of any more.
    async fn seed(&mut self, now: u64) -> Result<(), BrokerError> {
        if self.seeded.is_some_and(|seeded| seeded.elapsed() < SEEDS) {
            return Ok(());
        }
        self.seeded = Some(Instant::now());
        for seed in &self.rules.seeds {
            // The guarded client judges names and addresses; what it refuses is refused when it is tried too.
            for address in self.http.check(&format!("http://{seed}/")).await.addresses {
                let text = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
                if let Some(host) = place::host(&text) {
                    self.book.hear(&host, None, now);
                }
            }
        }
        let over = self.book.forget(now);
        self.store.put_candidates(&BTreeMap::new(), &over).await
    }

    /// Hosts, nodes among them, and what became of some that were tried.
    pub(in crate::network) fn report(&self, most: usize) -> (usize, usize, Vec<Tried>) {
        let (candidates, nodes) = self.book.counts();
        (candidates, nodes, self.book.tried(most))
    }
}

/// What a search has come to.
#[derive(Debug)]
pub(in crate::network) enum Step {
    /// It is time to try a host.
    Try,
    /// A try has ended.
    Ended(Probed),
}
