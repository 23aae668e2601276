//! The nodes of a job: how their polls went, what they said, and how long that holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;
use url::Url;

use super::poll::Polled;
use crate::network::{alarms::Health, merge::newest, model::Node, status::Hint, steady::Readings};

/// One node.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) health: Health,
    readings: Readings,
    /// Until when what it said last holds.
    until: Option<Instant>,
    /// How long its last answer took.
    pub(super) took: Option<Duration>,
    /// The class of the last error.
    pub(super) error: Option<&'static str>,
    /// Peers in its last answer that could not be read.
    pub(super) skipped: u64,
    pub(super) polls: u64,
    pub(super) failed: u64,
    is_done: bool,
    /// Whether it was found later: then nobody waits for it.
    is_late: bool,
}

/// All of them, by URL.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) entries: BTreeMap<String, Entry>,
    /// The URLs at which a node answered last, by its id.
    places: BTreeMap<String, BTreeSet<String>>,
}

/// Since when a node is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// From the beginning.
    First,
    /// It was found later.
    Later,
}

/// What an answer brought.
#[derive(Debug)]
pub(super) struct News {
    /// What the node says now, with starts that stay still.
    pub(super) node: Arc<Node>,
    /// The id of another that answered there before.
    pub(super) was: Option<String>,
    /// How long it holds.
    pub(super) life: Duration,
    /// Whether it says anything else than before.
    pub(super) differs: bool,
    /// Where its peers can be reached.
    pub(super) hints: Vec<Hint>,
    /// Its answer as it came, the first time.
    pub(super) raw: Option<Bytes>,
}

impl Entry {
    /// What it said, if that holds.
    fn holding(&self) -> Option<&Arc<Node>> {
        self.health.said.as_ref().filter(|_| self.until.is_some())
    }
}

impl Known {
    /// False if it is there already.
    pub(super) fn add(&mut self, url: &str, when: When) -> bool {
        let is_new = !self.entries.contains_key(url);
        let entry = self.entries.entry(url.to_owned()).or_default();
        entry.is_late |= is_new && when == When::Later;
        is_new
    }

    /// Whether this answer is the first of its node.
    pub(super) fn is_new(&self, url: &str) -> bool {
        self.entries.get(url).is_some_and(|entry| entry.polls == 0)
    }

    /// Takes in what came of a poll.
    pub(super) fn note(&mut self, polled: Polled, before: Option<&Node>) -> Option<News> {
        let Polled { url, said, life, is_last } = polled;
        let entry = self.entries.get_mut(&url)?;
        entry.polls += 1;
        entry.is_done = is_last;
        match said {
            Ok(answer) => {
                let mut node = answer.status.node;
                // Another node may answer there now: then nothing of before is of use.
                let was = entry.health.said.as_ref().map(|said| said.id.clone());
                let is_same = was.as_ref() == Some(&node.id);
                if !is_same {
                    entry.readings =
                        before.filter(|before| before.id == node.id).map(Readings::known).unwrap_or_default();
                }
                entry.readings.settle(&mut node);
                // While it did not answer, what became of others may not have been told.
                let is_back = entry.until.is_none() || entry.health.failures > 0;
                let differs = is_back || entry.health.said.as_deref() != Some(&node);
                let node = Arc::new(node);
                entry.health = Health { said: Some(node.clone()), failures: 0, reason: None };
                (entry.took, entry.error, entry.skipped) = (Some(answer.took), None, answer.status.skipped);
                entry.until = Some(Instant::now() + life);
                let raw = (entry.polls - entry.failed == 1).then_some(answer.body);
                let was = was.filter(|_| !is_same);
                self.moved(&url, was.as_deref(), &node.id);
                Some(News { node, was, life, differs, hints: answer.status.hints, raw })
            }
            Err(error) => {
                entry.failed += 1;
                entry.health.failures = entry.health.failures.saturating_add(1);
                entry.health.reason = Some(error.to_string());
                entry.error = Some(error.class());
                None
            }
        }
    }

    /// Whether every node was asked once that was there from the beginning.
    pub(super) fn is_complete(&self) -> bool {
        self.entries.values().all(|entry| entry.polls > 0 || entry.is_late)
    }

    /// Whether every node was asked for the last time.
    pub(super) fn is_done(&self) -> bool {
        self.entries.values().all(|entry| entry.is_done)
    }

    /// Whether no node answered when it was last asked.
    pub(super) fn is_down(&self) -> bool {
        self.entries.values().all(|entry| entry.health.failures > 0 || entry.polls == 0)
    }

    /// Notes which node answers at a URL now, and which other one did before.
    fn moved(&mut self, url: &str, was: Option<&str>, now: &str) {
        if let Some(was) = was
            && let Some(places) = self.places.get_mut(was)
        {
            places.remove(url);
            if places.is_empty() {
                self.places.remove(was);
            }
        }
        self.places.entry(now.to_owned()).or_default().insert(url.to_owned());
    }

    /// Forgets what does not hold any more; the ids of the nodes that said it.
    pub(super) fn expire(&mut self) -> Vec<String> {
        let (now, mut over) = (Instant::now(), Vec::new());
        for entry in self.entries.values_mut().filter(|entry| entry.until.is_some_and(|until| until <= now)) {
            entry.until = None;
            over.extend(entry.health.said.as_ref().map(|said| said.id.clone()));
        }
        over
    }

    /// What a node says that holds now: its newest answer, for it may be known by several URLs.
    pub(super) fn word(&self, id: &str) -> Option<&Arc<Node>> {
        let places = self.places.get(id).into_iter().flatten();
        newest(places.filter_map(|url| self.entries.get(url)).filter_map(Entry::holding))
    }

    /// The nodes of which something holds now.
    pub(super) fn holding(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.entries.values().filter_map(Entry::holding)
    }

    /// The network they are in, as the first that answered says.
    pub(super) fn network(&self) -> Option<String> {
        self.entries.values().find_map(|entry| Some(entry.health.said.as_ref()?.network.clone()))
    }

    /// Their ids.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.entries.values().filter_map(|entry| Some(entry.health.said.as_ref()?.id.clone())).collect()
    }

    /// Their hosts.
    pub(super) fn hosts(&self) -> BTreeSet<String> {
        self.entries.keys().filter_map(|url| Some(Url::parse(url).ok()?.host_str()?.to_owned())).collect()
    }

    pub(super) fn health(&self) -> impl Iterator<Item = (&str, &Health)> + Clone {
        self.entries.iter().map(|(url, entry)| (url.as_str(), &entry.health))
    }
}
