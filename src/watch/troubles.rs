//! What is wrong now, in words.

use serde::Serialize;

use super::{Now, PoolNow, State};
use crate::broker::Health;

/// How long a job may wait before that is a trouble, ms.
const LONG_WAIT_MS: u64 = 600_000;
/// How long Redis may take for a round trip, ms.
const SLOW_MS: f64 = 100.0;
/// How full Redis may be, percent of its limit.
const FULL_PERCENT: u64 = 90;

/// Every code there is; the words of `openapi.yaml`.
pub const TROUBLES: [&str; 12] = [
    "redis_write_error",
    "redis_full",
    "redis_may_drop_jobs",
    "redis_not_persistent",
    "redis_slow",
    "pool_unserved",
    "pool_quiet",
    "pool_short",
    "sanjers_quiet",
    "oldest_waits",
    "suspects_wait",
    "sanjers_died",
];

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Stable, for machines; the words of `openapi.yaml`.
    pub code: &'static str,
    /// Of which pool, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// For people.
    pub message: String,
}

/// Everything that is wrong, the worst first.
pub fn troubles(now: &Now, redis: &Health) -> Vec<Trouble> {
    let mut troubles = of_redis(redis);
    for (rank, of_pool) in [unserved, short, waiting, suspects, quiet].into_iter().enumerate() {
        let found = now.pools.iter().filter_map(|(name, pool)| {
            let (code, message) = of_pool(pool, now.at_ms)?;
            Some(Trouble { code, pool: Some(name.clone()), message: format!("pool {name}: {message}") })
        });
        troubles.extend(found);
        if rank == 0 && now.died_lately > 0 {
            let (n, have) = (now.died_lately, plural(now.died_lately, "sanjer"));
            let message = format!("{n} {have} died in the last ten minutes");
            troubles.push(Trouble { code: "sanjers_died", pool: None, message });
        }
    }
    troubles
}

type Found = Option<(&'static str, String)>;

fn unserved(pool: &PoolNow, _: u64) -> Found {
    let n = pool.queued + pool.due;
    if n == 0 || pool.of(State::Serving) > 0 {
        return None;
    }
    let wait = format!("{n} {} {}", plural(n, "job"), if n == 1 { "waits" } else { "wait" });
    Some(if pool.of(State::Quiet) > 0 {
        ("pool_quiet", format!("{wait}, and its sanjers are quiet"))
    } else {
        ("pool_unserved", format!("{wait}, no sanjer serves it"))
    })
}

fn short(pool: &PoolNow, _: u64) -> Found {
    let wanted = pool.wanted.filter(|wanted| pool.alive() < *wanted)?;
    Some(("pool_short", format!("{} of {wanted} sanjers are there", pool.alive())))
}

fn waiting(pool: &PoolNow, at_ms: u64) -> Found {
    let waited = at_ms.saturating_sub(pool.oldest_ms?);
    let minutes = waited / 60_000;
    (waited >= LONG_WAIT_MS).then(|| ("oldest_waits", format!("a job has waited for {minutes} minutes")))
}

fn suspects(pool: &PoolNow, _: u64) -> Found {
    let n = pool.alone;
    let message = || {
        format!(
            "{n} {} to run alone, for their process died while it ran others too",
            if n == 1 { "job waits" } else { "jobs wait" }
        )
    };
    (n > 0).then(|| ("suspects_wait", message()))
}

fn quiet(pool: &PoolNow, _: u64) -> Found {
    let n = pool.of(State::Quiet);
    (n > 0).then(|| {
        ("sanjers_quiet", format!("{n} {} told to take no jobs", if n == 1 { "sanjer was" } else { "sanjers were" }))
    })
}

fn of_redis(redis: &Health) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |is: bool, code, message: &dyn Fn() -> String| {
        if is {
            troubles.push(Trouble { code, pool: None, message: message() });
        }
    };
    let fails = redis.last_write_status.as_deref().is_some_and(|status| status != "ok");
    add(fails, "redis_write_error", &|| "redis cannot write its file: what it takes now is lost when it ends".into());
    let (used, limit) = (redis.used_memory_bytes.unwrap_or(0), redis.maxmemory_bytes.unwrap_or(0));
    let percent = used.saturating_mul(100).checked_div(limit).unwrap_or(0);
    add(percent >= FULL_PERCENT, "redis_full", &|| format!("redis holds {percent} % of what it may (maxmemory)"));
    let policy = redis.maxmemory_policy.as_deref().unwrap_or("noeviction");
    add(policy != "noeviction", "redis_may_drop_jobs", &|| {
        format!("redis may drop jobs when it is full: maxmemory-policy is {policy}, and must be noeviction")
    });
    add(redis.aof_enabled == Some(false), "redis_not_persistent", &|| {
        "redis keeps no append-only file: its restart loses what came after the last snapshot".into()
    });
    let latency = redis.latency_ms.unwrap_or(0.0);
    add(latency > SLOW_MS, "redis_slow", &|| format!("redis took {latency:.0} ms to answer"));
    troubles
}

/// A word for so many.
fn plural(n: u64, word: &str) -> String {
    if n == 1 { word.to_owned() } else { format!("{word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Health {
        let policy = Some("noeviction".to_owned());
        Health {
            aof_enabled: Some(true),
            maxmemory_policy: policy,
            last_write_status: Some("ok".into()),
            ..Health::default()
        }
    }

    fn codes(pool: PoolNow, redis: &Health) -> Vec<&'static str> {
        let mut now = Now { at_ms: 1_000_000, ..Now::default() };
        now.pools.insert("heavy".into(), pool);
        troubles(&now, redis).iter().map(|trouble| trouble.code).collect()
    }

    #[test]
    fn each_trouble_is_told_and_nothing_else() {
        let none = PoolNow::default();
        let served = PoolNow { sanjers: [1, 1, 0, 0], wanted: Some(1), ..none };
        for (pool, expected) in [
            (none, &[][..]),
            (PoolNow { queued: 9, running: 3, oldest_ms: Some(999_000), ..served }, &[]),
            (PoolNow { queued: 3, ..none }, &["pool_unserved"]),
            (PoolNow { delayed: 9, due: 3, ..none }, &["pool_unserved"]),
            (PoolNow { delayed: 9, due: 3, ..served }, &[]),
            (PoolNow { queued: 3, wanted: Some(2), ..none }, &["pool_unserved", "pool_short"]),
            (PoolNow { queued: 1, sanjers: [0, 1, 1, 0], wanted: Some(1), ..none }, &["pool_quiet", "sanjers_quiet"]),
            (PoolNow { sanjers: [1, 0, 1, 0], wanted: Some(2), ..none }, &["sanjers_quiet"]),
            (PoolNow { queued: 1, oldest_ms: Some(400_000), ..served }, &["oldest_waits"]),
            (PoolNow { queued: 1, alone: 1, ..served }, &["suspects_wait"]),
        ] {
            assert_eq!(codes(pool, &well()), expected, "{pool:?}");
        }
        for (redis, expected) in [
            (Health { last_write_status: Some("err".into()), ..well() }, "redis_write_error"),
            (Health { used_memory_bytes: Some(95), maxmemory_bytes: Some(100), ..well() }, "redis_full"),
            (Health { maxmemory_policy: Some("allkeys-lru".into()), ..well() }, "redis_may_drop_jobs"),
            (Health { aof_enabled: Some(false), ..well() }, "redis_not_persistent"),
            (Health { latency_ms: Some(250.0), ..well() }, "redis_slow"),
        ] {
            assert_eq!(codes(none, &redis), [expected]);
        }
    }

    #[test]
    fn the_words_are_right() {
        let mut now = Now { died_lately: 1, ..Now::default() };
        now.pools.insert("heavy".into(), PoolNow { queued: 1, due: 2, ..PoolNow::default() });
        now.pools.insert("light".into(), PoolNow { queued: 1, ..PoolNow::default() });
        let words: Vec<_> = troubles(&now, &well()).into_iter().map(|trouble| trouble.message).collect();
        let expected = [
            "pool heavy: 3 jobs wait, no sanjer serves it",
            "pool light: 1 job waits, no sanjer serves it",
            "1 sanjer died in the last ten minutes",
        ];
        assert_eq!(words, expected);
    }
}
