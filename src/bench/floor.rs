//! The *floor*: what Redis itself can do for a durable job, measured on the machine the bench runs on.
//!
//! A fixed set of commands per job, sent by a native client without workers, 64 jobs to a pipeline, over two
//! connections at once:
//!
//! | phase  | commands per job                           |
//! |--------|--------------------------------------------|
//! | submit | HSET of 6 fields, RPUSH                    |
//! | claim  | LPOP, ZADD, HINCRBY, HSET of 3 fields, HGET |
//! | finish | HGET, HSET of 4 fields, EXPIRE, ZREM, ZADD |
//!
//! The queue's own figures are quoted as a ratio to it. That is why the set is written down here and calls nothing
//! of `crate::queue`: were it derived from the queue's scripts, a slower script would lower the floor with it and
//! the ratio would hide the loss. Change it only together with every ratio that was ever published.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Pipeline, RedisError};

/// Jobs whose commands share one round trip.
const DEPTH: u64 = 64;

/// Connections at work at once: as many as the bench starts sanjers.
const CONNECTIONS: u64 = 2;

/// Seconds a finished job's hash lives on; only that it is set costs anything.
const TTL_S: u64 = 3600;

const QUEUE: &str = "floor:queue";
const RUNNING: &str = "floor:running";
const FINISHED: &str = "floor:finished";

/// What Redis reached.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// Jobs submitted per second.
    pub submit_per_s: f64,
    /// Jobs claimed and finished per second.
    pub drain_per_s: f64,
}

/// Measures the floor with `jobs` jobs on the Redis at `url`, which should be as persistent as the one it is compared
/// with. Leaves nothing behind.
pub async fn measure(url: &str, jobs: u64) -> Result<Floor, RedisError> {
    let client = redis::Client::open(url)?;
    // A pipeline may wait behind an fsync; the default limit of half a second would end the bench for it.
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    let mut first = client.get_multiplexed_async_connection_with_config(&patient).await?;
    let mut second = client.get_multiplexed_async_connection_with_config(&patient).await?;
    let half = jobs / CONNECTIONS;

    clear(&mut first, jobs).await?;
    let begin = Instant::now();
    tokio::try_join!(submit(&mut first, 0..half), submit(&mut second, half..jobs))?;
    let submit_per_s = rate(jobs, begin.elapsed());

    let begin = Instant::now();
    let (by_first, by_second) = tokio::try_join!(drain(&mut first), drain(&mut second))?;
    let drain_per_s = rate(by_first + by_second, begin.elapsed());
    clear(&mut first, jobs).await?;

    Ok(Floor { submit_per_s, drain_per_s })
}

/// Records and queues the jobs of a range.
async fn submit(redis: &mut MultiplexedConnection, jobs: std::ops::Range<u64>) -> Result<(), RedisError> {
    let settings = settings();
    let mut next = jobs.start;
    while next < jobs.end {
        let end = jobs.end.min(next + DEPTH);
        let mut pipe = Pipeline::new();
        for job in next..end {
            let fields = [
                ("platform", "noop"),
                ("settings", settings.as_str()),
                ("status", "queued"),
                ("attempt", "0"),
                ("priority", "0"),
                ("queued_at", "2026-01-01T00:00:00.000Z"),
            ];
            hset(&mut pipe, job, &fields);
            pipe.rpush(QUEUE, job).ignore();
        }
        pipe.exec_async(redis).await?;
        next = end;
    }
    Ok(())
}

/// Claims and finishes jobs until none is queued; returns how many.
async fn drain(redis: &mut MultiplexedConnection) -> Result<u64, RedisError> {
    let mut drained = 0;
    loop {
        let jobs = pop(redis).await?;
        if jobs.is_empty() {
            return Ok(drained);
        }
        claim(redis, &jobs).await?;
        finish(redis, &jobs).await?;
        drained += jobs.len() as u64;
    }
}

/// The first round trip of a claim: what follows needs its answer.
async fn pop(redis: &mut MultiplexedConnection) -> Result<Vec<u64>, RedisError> {
    let mut pipe = Pipeline::new();
    for _ in 0..DEPTH {
        pipe.lpop(QUEUE, None);
    }
    let popped: Vec<Option<u64>> = pipe.query_async(redis).await?;
    Ok(popped.into_iter().flatten().collect())
}

/// The second round trip of a claim: each job is leased and its settings are read.
async fn claim(redis: &mut MultiplexedConnection, jobs: &[u64]) -> Result<Vec<String>, RedisError> {
    let mut pipe = Pipeline::new();
    for &job in jobs {
        let fields = [("status", "running"), ("sanjer", "floor"), ("started_at", "2026-01-01T00:00:00.001Z")];
        pipe.zadd(RUNNING, job, job).ignore();
        pipe.hincr(key(job), "attempt", 1).ignore();
        hset(&mut pipe, job, &fields);
        pipe.hget(key(job), "settings");
    }
    pipe.query_async(redis).await
}

/// One round trip: each job's owner is checked, its end is recorded and its lease given up.
async fn finish(redis: &mut MultiplexedConnection, jobs: &[u64]) -> Result<Vec<String>, RedisError> {
    let mut pipe = Pipeline::new();
    for &job in jobs {
        let fields = [
            ("status", "succeeded"),
            ("result", "null"),
            ("finished_at", "2026-01-01T00:00:00.002Z"),
            ("duration_ms", "1"),
        ];
        pipe.hget(key(job), "sanjer");
        hset(&mut pipe, job, &fields);
        pipe.expire(key(job), TTL_S.cast_signed()).ignore();
        pipe.zrem(RUNNING, job).ignore();
        pipe.zadd(FINISHED, job, job).ignore();
    }
    pipe.query_async(redis).await
}

/// Removes everything a run of so many jobs can leave, before and after it.
async fn clear(redis: &mut MultiplexedConnection, jobs: u64) -> Result<(), RedisError> {
    redis::cmd("UNLINK").arg(&[QUEUE, RUNNING, FINISHED]).exec_async(redis).await?;
    let mut next = 0;
    while next < jobs {
        let end = jobs.min(next + 1000);
        redis::cmd("UNLINK").arg((next..end).map(key).collect::<Vec<_>>()).exec_async(redis).await?;
        next = end;
    }
    Ok(())
}

/// Spelled out: the crate's own method for several fields sends the deprecated HMSET.
fn hset(pipe: &mut Pipeline, job: u64, fields: &[(&str, &str)]) {
    pipe.cmd("HSET").arg(key(job)).arg(fields).ignore();
}

fn key(job: u64) -> String {
    format!("floor:job:{job}")
}

/// 200 bytes of JSON, like the argument of the rivals' jobs.
fn settings() -> String {
    format!(r#"{{"pad":"{}"}}"#, "x".repeat(190))
}

#[allow(clippy::cast_precision_loss, reason = "a count of jobs stays far below 2^52")]
fn rate(jobs: u64, took: Duration) -> f64 {
    jobs as f64 / took.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_two_hundred_bytes() {
        assert_eq!(settings().len(), 200);
    }
}
