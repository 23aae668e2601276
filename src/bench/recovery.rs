//! How long a job is without a process when its process is killed: until it is back in the queue, and until it runs
//! again, in the warm spare.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::queue::Bench;
use crate::{
    config::PoolSize,
    job::JobId,
    queue::{NewJob, keys},
};

/// A job of its own process: it goes back to its place, and the spare takes it.
const POOL: PoolSize = PoolSize { processes: 1, slots: 1 };
/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was measured, in ms from the signal on; Redis says when, to the millisecond.
pub(super) struct Recovery {
    pub(super) back_in_queue_ms: Vec<f64>,
    pub(super) running_again_ms: Vec<f64>,
}

impl Bench {
    /// Kills the sanjer of a running job, again and again; each time under a supervisor of its own, because one that
    /// sees its sanjers die at once starts the next ones later.
    pub(super) async fn recovery(&self, kills: usize) -> anyhow::Result<Recovery> {
        let mut recovery = Recovery { back_in_queue_ms: Vec::new(), running_again_ms: Vec::new() };
        for _ in 0..kills {
            self.flush().await?;
            let supervisor = self.start(POOL).await?;
            let job = NewJob { settings: r#"{"sleep_ms":150}"#.into(), ..self.new_job() };
            let id = job.id;
            self.queue.submit(id.shard(), &[job]).await?;
            let running = self.under_lease(id, 1).await?;
            let pid = running.get("sanjer").and_then(|name| name.rsplit(':').nth(1)?.parse().ok());
            let pid = pid.and_then(Pid::from_raw).ok_or_else(|| anyhow::anyhow!("the job names no process"))?;
            let killed = Timestamp::now();
            kill_process(pid, Signal::KILL)?;
            let again = self.under_lease(id, 2).await?;
            let since =
                |time: &str| anyhow::Ok(time.parse::<Timestamp>()?.duration_since(killed).as_secs_f64() * 1000.0);
            let past: Value = serde_json::from_str(again.get("history").map_or("", String::as_str))?;
            let back = past.get("ended_at").and_then(Value::as_str).unwrap_or_default();
            recovery.back_in_queue_ms.push(since(back)?.max(0.0));
            recovery.running_again_ms.push(since(again.get("started_at").map_or("", String::as_str))?.max(0.0));
            supervisor.stop().await;
        }
        Ok(recovery)
    }

    /// The job's hash once it runs under this lease.
    async fn under_lease(&self, id: JobId, lease: u64) -> anyhow::Result<HashMap<String, String>> {
        let until = Instant::now() + PATIENCE;
        loop {
            let hash: HashMap<String, String> = self.broker.query(redis::cmd("HGETALL").arg(keys::job(id))).await?;
            if hash.get("lease").is_some_and(|now| *now == lease.to_string()) && hash.contains_key("started_at") {
                return Ok(hash);
            }
            anyhow::ensure!(Instant::now() < until, "job {id} does not run under lease {lease}: {hash:?}");
            sleep(Duration::from_millis(2)).await;
        }
    }
}
