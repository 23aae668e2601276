//! What stays in Redis when jobs come and go: their number is bounded by their retention, and so is the memory.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::queue::Bench;
use crate::config::{Config, Span};

/// Jobs submitted before it waits until they are finished.
const WAVE: u64 = 20_000;
/// How long a job is kept.
const RETENTION: Span = Span(Duration::from_secs(1));
/// How long it may take until everything is deleted in the end.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was measured.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it, with the unit")]
pub struct Kept {
    pub jobs: u64,
    pub seconds: f64,
    pub most_bytes: f64,
    pub bytes_at_the_end: f64,
    pub bytes_before: f64,
    pub keys_at_the_end: u64,
}

/// Runs so many jobs, each kept for a second, and watches the memory of Redis.
pub async fn retention(mut config: Config, jobs: u64) -> anyhow::Result<Kept> {
    (config.jobs.retention, config.jobs.retention_failed) = (RETENTION, RETENTION);
    let bench = Bench::new(config).await?;
    let supervisor = bench.start(super::queue::POOL).await?;
    let bytes_before = bench.used_memory().await?;
    let (started, mut submitted, mut most_bytes) = (Instant::now(), 0, bytes_before);
    while submitted < jobs {
        bench.submit(WAVE.min(jobs - submitted)).await?;
        submitted += WAVE;
        while bench.waiting().await? > WAVE / 4 {
            most_bytes = bench.used_memory().await?.max(most_bytes);
            sleep(Duration::from_millis(5)).await;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let until = Instant::now() + PATIENCE;
    while bench.waiting().await? + bench.finished().await? > 0 {
        anyhow::ensure!(Instant::now() < until, "jobs whose time is over are still there");
        sleep(Duration::from_millis(50)).await;
    }
    // The last claims may still be on their way; then nothing of a job is left.
    supervisor.stop().await;
    let (bytes_at_the_end, keys_at_the_end) = (bench.used_memory().await?, bench.keys().await?);
    Ok(Kept { jobs, seconds, most_bytes, bytes_at_the_end, bytes_before, keys_at_the_end })
}
