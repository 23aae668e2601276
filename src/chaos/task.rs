//! The jobs of the load: which task specs a seed means, and how each must end.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::job::Status;

/// A task spec to post.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its Idempotency-Key: a post whose answer was lost is repeated with it.
    pub key: String,
    /// The body of the post.
    pub body: Value,
    /// What it must lead to.
    pub expected: Expected,
    /// How long after it was accepted somebody cancels it.
    pub cancel_after: Option<Duration>,
}

/// How a job must end, whatever is killed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its last status.
    pub status: Status,
    /// Rows of its dataset `processed`.
    pub rows: u64,
}

/// Task number `n` of a seed.
pub fn task(seed: u64, n: u64) -> Task {
    // Any two tasks differ, whichever of them is asked for first.
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let mut rows = 0;
    let mut status = Status::Succeeded;
    let mut cancel_after = None;
    let settings = match random.random_range(0..100) {
        0..40 => json!({ "sleep_ms": random.random_range(0..50) }),
        40..65 => json!({ "sleep_ms": random.random_range(200..1500), "steps": random.random_range(2..8) }),
        65..80 => {
            rows = random.random_range(1..20);
            let log_lines = random.random_range(1..5);
            json!({ "sleep_ms": random.random_range(100..600), "rows": rows, "log_lines": log_lines })
        }
        80..90 => json!({ "sleep_ms": random.random_range(50..200), "fail_with": "transient", "fail_attempts": 1 }),
        90..95 => {
            status = Status::Failed;
            json!({ "sleep_ms": random.random_range(50..200), "fail_with": "fatal" })
        }
        95..98 => json!({ "sleep_ms": random.random_range(2000..4000), "steps": 4, "checkpoint": true }),
        _ => {
            cancel_after = Some(Duration::from_millis(random.random_range(0..1000)));
            json!({ "sleep_ms": random.random_range(2000..4000) })
        }
    };
    let options = match random.random_range(0..10) {
        0 => json!({ "delay_s": 1 }),
        1 | 2 => json!({ "priority": random.random_range(1..=9) }),
        _ => json!({}),
    };
    Task {
        key: format!("chaos-{seed}-{n}"),
        body: json!({ "_id": n.to_string(), "platform_id": "noop", "settings": settings, "options": options }),
        expected: Expected { status, rows },
        cancel_after,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::platform::Registry;

    #[test]
    fn tasks_are_the_same_every_time_and_differ() {
        let tasks: Vec<Task> = (0..500).map(|n| task(9, n)).collect();
        assert_eq!(tasks, (0..500).map(|n| task(9, n)).collect::<Vec<_>>());
        let keys: BTreeSet<&str> = tasks.iter().map(|task| task.key.as_str()).collect();
        assert_eq!(keys.len(), tasks.len());
        let count = |fits: fn(&Task) -> bool| tasks.iter().filter(|task| fits(task)).count();
        assert!(count(|task| task.expected.rows > 0) > 20);
        assert!(count(|task| task.cancel_after.is_some()) > 3);
        assert!(count(|task| task.expected.status == Status::Failed) > 5);
        assert!(count(|task| task.body["settings"]["fail_with"] == "transient") > 20);
        assert!(count(|task| task.body["options"]["delay_s"] == 1) > 20);
    }

    #[test]
    fn the_platform_is_there() {
        let registry = Registry::load().unwrap();
        assert!(registry.get(task(1, 1).body["platform_id"].as_str().unwrap()).is_some());
    }
}
