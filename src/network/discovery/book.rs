//! The hosts that may be nodes: which to try next, what became of it. Pure; times are ms since 1970.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most hosts.
const MOST: usize = 2000;
/// The most peers that one host is told to be.
const MAX_IDS: usize = 8;
/// The wait after the first try, doubled after each further one, and the longest.
const WAIT: (u64, u64) = (60_000, 6 * 3_600_000);
/// How long a host is kept that is not told of any more.
const FORGET: u64 = 24 * 3_600_000;

/// A host that may be a node.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub struct Candidate {
    /// The peers that are said to be there; none if nobody said.
    pub ids: Vec<String>,
    /// When somebody told of it last.
    pub heard_at: u64,
    /// How often it was tried without success.
    pub tries: u32,
    /// When it may be tried again.
    pub next_at: u64,
    /// The URL at which it is a node.
    pub url: Option<String>,
    /// Why it is none, as of the last try.
    pub reason: Option<String>,
}

/// What became of one host.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    host: String,
    #[serde(flatten)]
    candidate: Candidate,
}

/// All of them, by host.
#[derive(Debug, Default)]
pub(super) struct Book {
    candidates: BTreeMap<String, Candidate>,
}

impl Book {
    pub(super) fn of(candidates: impl IntoIterator<Item = (String, Candidate)>) -> Self {
        let mut candidates: BTreeMap<String, Candidate> = candidates.into_iter().take(MOST).collect();
        // What was a node when it was tried last is tried first.
        candidates.values_mut().filter(|candidate| candidate.url.is_some()).for_each(|candidate| candidate.next_at = 0);
        Self { candidates }
    }

    pub(super) fn get(&self, host: &str) -> Option<&Candidate> {
        self.candidates.get(host)
    }

    /// Somebody told of a host; true if that is new.
    pub(super) fn hear(&mut self, host: &str, id: Option<&str>, now: u64) -> bool {
        if !self.candidates.contains_key(host) && self.candidates.len() >= MOST {
            return false;
        }
        let candidate = self.candidates.entry(host.to_owned()).or_default();
        let is_new = candidate.heard_at == 0;
        candidate.heard_at = now;
        if let Some(id) = id.filter(|id| !candidate.ids.iter().any(|known| known == id))
            && candidate.ids.len() < MAX_IDS
        {
            candidate.ids.push(id.to_owned());
            return true;
        }
        is_new
    }

    /// The host to try next, if one is due: the one that has waited longest.
    pub(super) fn due(&self, now: u64, is_wanted: impl Fn(&str, &Candidate) -> bool) -> Option<(&str, &Candidate)> {
        let due = self.candidates.iter().filter(|(_, candidate)| candidate.next_at <= now);
        let due = due.filter(|(host, candidate)| is_wanted(host, candidate));
        due.min_by_key(|(_, candidate)| candidate.next_at).map(|(host, candidate)| (host.as_str(), candidate))
    }

    /// It was tried in vain.
    pub(super) fn failed(&mut self, host: &str, reason: String, now: u64) {
        if let Some(candidate) = self.candidates.get_mut(host) {
            let wait = WAIT.0.saturating_mul(1 << candidate.tries.min(16)).min(WAIT.1);
            candidate.tries = candidate.tries.saturating_add(1);
            (candidate.next_at, candidate.reason, candidate.url) = (now + wait, Some(reason), None);
        }
    }

    /// Why it was in vain.
    pub(super) fn refused(&mut self, host: &str, reason: String) {
        if let Some(candidate) = self.candidates.get_mut(host) {
            candidate.reason = Some(reason);
        }
    }

    /// It is a node.
    pub(super) fn succeeded(&mut self, host: &str, url: String, now: u64) {
        if let Some(candidate) = self.candidates.get_mut(host) {
            (candidate.tries, candidate.next_at, candidate.reason) = (0, now + WAIT.1, None);
            candidate.url = Some(url);
        }
    }

    /// Drops those that nobody has told of for long, and names them.
    pub(super) fn forget(&mut self, now: u64) -> Vec<String> {
        let is_over = |candidate: &Candidate| now.saturating_sub(candidate.heard_at) > FORGET;
        let over: Vec<String> =
            self.candidates.iter().filter(|(_, candidate)| is_over(candidate)).map(|(host, _)| host.clone()).collect();
        for host in &over {
            self.candidates.remove(host);
        }
        over
    }

    /// How many there are, and how many of them are nodes.
    pub(super) fn counts(&self) -> (usize, usize) {
        let nodes = self.candidates.values().filter(|candidate| candidate.url.is_some()).count();
        (self.candidates.len(), nodes)
    }

    /// What became of those that were tried, at most so many of them.
    pub(super) fn tried(&self, most: usize) -> Vec<Tried> {
        let tried = self.candidates.iter().filter(|(_, candidate)| candidate.tries > 0 || candidate.url.is_some());
        let told =
            |(host, candidate): (&String, &Candidate)| Tried { host: host.clone(), candidate: candidate.clone() };
        tried.take(most).map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: fn(&str, &Candidate) -> bool = |_, _| true;

    #[test]
    fn hosts_are_tried_less_and_less_often() {
        let mut book = Book::default();
        assert!(book.hear("a", Some("1"), 1000) && !book.hear("a", Some("1"), 2000) && book.hear("a", Some("2"), 2000));
        let mut now = 2000;
        for minutes in [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360] {
            assert_eq!(book.due(now, ALL).map(|(host, _)| host), Some("a"));
            book.failed("a", "no".into(), now);
            now += minutes * 60_000;
            assert!(book.due(now - 1, ALL).is_none(), "{minutes}");
        }
        assert_eq!(book.get("a").map(|it| (it.tries, it.ids.len())), Some((11, 2)));
        book.succeeded("a", "http://a/".into(), now);
        assert_eq!((book.counts(), book.tried(9).len(), book.get("a").map(|it| it.tries)), ((1, 1), 1, Some(0)));
    }

    #[test]
    fn who_waits_longest_comes_first() {
        let mut book = Book::default();
        for host in ["a", "b", "c"] {
            book.hear(host, None, 1);
        }
        book.failed("a", "no".into(), 0);
        book.failed("b", "no".into(), 5);
        let order = |book: &Book| book.due(1_000_000, ALL).map(|(host, _)| host.to_owned());
        assert_eq!(order(&book).as_deref(), Some("c"));
        book.failed("c", "no".into(), 10);
        assert_eq!(order(&book).as_deref(), Some("a"));
        assert_eq!(book.due(1_000_000, |host, _| host != "a").map(|(host, _)| host), Some("b"));
    }

    #[test]
    fn the_book_is_bounded_and_forgets() {
        let mut book = Book::default();
        for number in 0..MOST + 10 {
            book.hear(&number.to_string(), None, 1 + number as u64);
        }
        assert_eq!(book.counts().0, MOST);
        for number in 0..MAX_IDS + 5 {
            book.hear("7", Some(&number.to_string()), FORGET);
        }
        assert_eq!(book.get("7").map(|it| it.ids.len()), Some(MAX_IDS));
        assert_eq!(book.forget(FORGET + 11).len(), 9, "all but 7 of the first ten");
        assert_eq!(book.forget(3 * FORGET).len(), MOST - 9);
    }
}
