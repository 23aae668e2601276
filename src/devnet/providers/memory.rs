//! How often who asked what: bounded, the oldest forgotten first.

use std::sync::{Mutex, PoisonError};

use hashlink::LruCache;

/// Questions that are told apart.
const MAX: usize = 200_000;

/// Counts questions.
#[derive(Debug)]
pub(super) struct Memory(Mutex<LruCache<String, usize>>);

impl Memory {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX)))
    }

    /// How often this was asked before.
    pub(super) fn count(&self, question: String) -> usize {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(question).or_insert(0);
        *count += 1;
        *count - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_counted_apart() {
        let memory = Memory::new();
        let counts: Vec<usize> = ["a", "b", "a", "a"].map(|question| memory.count(question.into())).into();
        assert_eq!(counts, [0, 0, 1, 2]);
    }
}
